//! `maibot completion`: scripts for shells. The usual script asks maibot itself at every TAB, so that releases,
//! contexts and namespaces of the cluster can be offered; `--static` gives one that knows commands and flags only.

use clap::{Args, Command};
use clap_complete::Shell;
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use crate::ui::{Failure, Printer, Reason, Usage};

use super::complete;

/// Print the completion script of a shell
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  source <(maibot completion bash)                                  # this shell
  maibot completion bash > /etc/bash_completion.d/maibot            # every shell
  maibot completion zsh > \"${fpath[1]}/_maibot\"
  maibot completion fish > ~/.config/fish/completions/maibot.fish
  maibot completion powershell | Out-String | Invoke-Expression")]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish or powershell
    #[arg(value_name = "SHELL", add = clap_complete::ArgValueCandidates::new(shells))]
    shell: String,
    /// A script that never calls maibot: no names of releases, contexts and namespaces
    #[arg(long = "static")]
    fixed: bool,
    /// Offer words without their descriptions
    #[arg(long)]
    no_descriptions: bool,
}

const SHELLS: &[&str] = &["bash", "zsh", "fish", "powershell"];

fn shells() -> Vec<clap_complete::CompletionCandidate> {
    SHELLS.iter().map(|shell| (*shell).into()).collect()
}

/// Prints the script.
pub(crate) fn run(args: &CompletionArgs, root: Command, printer: &Printer) -> Result<(), Failure> {
    let (shell, asking): (Shell, &dyn EnvCompleter) = match args.shell.as_str() {
        "bash" => (Shell::Bash, &Bash),
        "zsh" => (Shell::Zsh, &Zsh),
        "fish" => (Shell::Fish, &Fish),
        "powershell" => (Shell::PowerShell, &Powershell),
        other => {
            return Err(Usage::BadValue {
                flag: "SHELL".to_owned(),
                value: other.to_owned(),
                reason: Reason::OneOf { allowed: SHELLS, helm: None },
            }
            .into());
        }
    };
    let mut script = Vec::new();
    if args.fixed {
        let mut root = if args.no_descriptions { complete::without_descriptions(root) } else { root };
        clap_complete::generate(shell, &mut root, "maibot", &mut script);
    } else {
        let variable = if args.no_descriptions { complete::VARIABLE_PLAIN } else { complete::VARIABLE };
        asking
            .write_registration(variable, "maibot", "maibot", &program(), &mut script)
            .map_err(|error| Failure::internal(&error))?;
    }
    printer.result_bytes(&script)
}

/// How the script calls us: by name when we were found by name, else by our path.
fn program() -> String {
    match std::env::args_os().next() {
        Some(name) if std::path::Path::new(&name).components().count() == 1 => name.to_string_lossy().into_owned(),
        _ => std::env::current_exe().map_or_else(|_| "maibot".to_owned(), |path| path.display().to_string()),
    }
}

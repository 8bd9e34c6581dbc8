//! The program as a user runs it: what it prints where, and how it ends. Every run starts with an empty home and
//! without the variables that would change its behaviour.

mod beside_helm;
mod bombs;
mod chart_commands;
mod compatible;
mod completion;
mod failures;
mod help;
mod pages;
mod server;
mod settings;
mod streams;
mod template;
mod template_errors;
mod template_server;
mod values_trouble;

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// A place of one's own for the program: home, configuration, working folder.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What a run printed, and its exit status.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The program in this place, in English, without whatever the environment of the tests holds.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maibot"));
        scrub(|name| {
            command.env_remove(name);
        });
        command.env("HOME", self.path()).env("LANG", "en_US.UTF-8").current_dir(self.path()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap_or(-1),
        }
    }

    /// Everything in one text, for snapshots.
    pub(crate) fn shown(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// Names every variable of this process that could change what the program does.
pub(crate) fn scrub(mut remove: impl FnMut(&str)) {
    let prefixes = ["HELM_", "MAIBOT_", "KUBE", "LC_", "XDG_", "RUST_", "CLICOLOR", "COMPLETE", "_CLAP"];
    let names = [
        "CI",
        "NO_COLOR",
        "LANG",
        "LANGUAGE",
        "TERM",
        "COLUMNS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ];
    for (name, _) in std::env::vars() {
        if prefixes.iter().any(|prefix| name.starts_with(prefix)) || names.contains(&name.as_str()) {
            remove(&name);
        }
    }
}

//! `maibot version`. Nothing heavy may happen on the way here: it starts in milliseconds.

use clap::Args;

use crate::ui::{Failure, Helm, Printer};

/// Show the version
#[derive(Debug, Clone, Args)]
pub(crate) struct VersionArgs {
    /// Only the version and the commit
    #[arg(long)]
    short: bool,
    /// Go template for the output
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
    /// The version of the client; there is no other one, this is Helm 3's spelling
    #[arg(short = 'c', long, hide = true)]
    client: bool,
}

/// The version of this program, with Go's `v`.
pub(crate) const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// The commit it was built from, if the build said so.
pub(crate) const COMMIT: Option<&str> = option_env!("MAIBOT_COMMIT");

/// Prints the version: ours, or in the shape of the imitated Helm, whose version number is then shown, because that
/// is what scripts compare.
pub(crate) fn run(args: &VersionArgs, printer: &Printer) -> Result<(), Failure> {
    if args.template.is_some() {
        return Err(Failure::flag("--template"));
    }
    printer.result(&text(args.short, printer.helm(), COMMIT))
}

fn text(short: bool, helm: Option<Helm>, commit: Option<&str>) -> String {
    let version = helm.map_or(VERSION, Helm::version);
    // Helm shows seven characters of the commit, and none of a shorter one.
    let abbreviated = commit.and_then(|commit| commit.get(..7));
    match (short, helm) {
        (true, _) => match abbreviated {
            Some(commit) => format!("{version}+g{commit}\n"),
            None => format!("{version}\n"),
        },
        (false, None) => {
            let plain = version.trim_start_matches('v');
            let commit = abbreviated.map(|commit| format!("commit {commit}, ")).unwrap_or_default();
            format!("maibot {plain} ({commit}{}-{})\n", std::env::consts::OS, std::env::consts::ARCH)
        }
        (false, Some(helm)) => {
            let commit = commit.unwrap_or_default();
            let client = if helm == Helm::Four { ", KubeClientVersion:\"v1.36\"" } else { "" };
            format!(
                "version.BuildInfo{{Version:\"{version}\", GitCommit:\"{commit}\", GitTreeState:\"clean\", \
                 GoVersion:\"maibot {VERSION}\"{client}}}\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Helm, VERSION, text};

    const COMMIT: Option<&str> = Some("0123456789abcdef");

    #[test]
    fn short_is_version_and_commit() {
        assert_eq!(text(true, None, COMMIT), format!("{VERSION}+g0123456\n"));
        assert_eq!(text(true, None, None), format!("{VERSION}\n"));
        assert_eq!(text(true, Some(Helm::Three), COMMIT), "v3.21.4+g0123456\n");
    }

    #[test]
    fn helms_shape_carries_helms_version() {
        assert_eq!(
            text(false, Some(Helm::Four), COMMIT),
            format!(
                "version.BuildInfo{{Version:\"v4.2.4\", GitCommit:\"0123456789abcdef\", GitTreeState:\"clean\", \
                 GoVersion:\"maibot {VERSION}\", KubeClientVersion:\"v1.36\"}}\n"
            )
        );
        assert!(text(false, Some(Helm::Three), None).ends_with("GoVersion:\"maibot v0.1.0\"}\n"));
    }
}

//! Which chart a command means, and how it is had: flags for fetching, the choice between embedded, local and remote
//! charts, and the way to registries with what it has to tell.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::action::pull::{check, fetch};
use crate::action::{self, ChartSource};
use crate::chart::Chart;
use crate::registry::{
    ChartRequest, Login, Notice, Notices, Provenance, Registry, RegistrySettings, TlsSettings, is_oci,
};
use crate::ui::{Failure, Helm, Level, Message, Printer};
use crate::values::References;
use crate::version::{Constraint, Version};

use super::args::path;
use super::global::Global;
use super::runtime::Context;

/// How a registry or repository is reached, as `push` has it too.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AccessArgs {
    /// User name for the repository or registry
    #[arg(long, value_name = "USER")]
    username: Option<String>,
    /// Password for the repository or registry
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Client certificate for the repository or registry
    #[arg(long, value_name = "FILE")]
    cert_file: Option<String>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// Do not check the certificate of the repository or registry
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Speak to the registry without TLS
    #[arg(long)]
    plain_http: bool,
    /// Certificates that vouch for the repository or registry
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
}

impl AccessArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(crate) fn access(&self) -> Access {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Access {
            // Helm wants both, and does as if there were none otherwise.
            login: text(&self.username).zip(text(&self.password)).map(|(user, password)| Login::new(user, password)),
            tls: TlsSettings {
                ca_file: path(self.ca_file.as_deref()),
                cert_file: path(self.cert_file.as_deref()),
                key_file: path(self.key_file.as_deref()),
                insecure: self.insecure_skip_tls_verify,
            },
            plain_http: self.plain_http,
            pass_credentials: false,
        }
    }
}

/// Where a chart comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chart")]
pub(crate) struct SourceArgs {
    /// Version of the chart, exact or a range such as ^0.12.0
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Check the chart's signature before it is used
    #[arg(long)]
    verify: bool,
    /// Public keys for --verify
    #[arg(long, value_name = "FILE")]
    keyring: Option<String>,
    /// Address of the repository that has the chart
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    /// Send the credentials to every host that a download leads to
    #[arg(long)]
    pass_credentials: bool,
    /// Take pre-releases too
    #[arg(long)]
    devel: bool,
}

/// How a registry or repository is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    login: Option<Login>,
    tls: TlsSettings,
    plain_http: bool,
    pass_credentials: bool,
}

impl Access {
    /// With a login, TLS and without `--pass-credentials`.
    pub(crate) fn new(login: Option<Login>, tls: TlsSettings, plain_http: bool) -> Self {
        Self { login, tls, plain_http, pass_credentials: false }
    }

    /// All settings of the registry room.
    pub(crate) fn settings(&self, global: &Global) -> RegistrySettings {
        RegistrySettings {
            login: self.login.clone(),
            tls: self.tls.clone(),
            plain_http: self.plain_http,
            pass_credentials: self.pass_credentials,
            ..global.registry.clone()
        }
    }
}

/// Which chart is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChartReference {
    /// CHART as typed; none means the embedded chart, or the default one at another version.
    pub(crate) chart: Option<String>,
    /// `--version`.
    pub(crate) version: Option<String>,
    /// `--repo`.
    pub(crate) repo: Option<String>,
    /// `--verify`: the keyring.
    pub(crate) keyring: Option<PathBuf>,
    /// How to reach where it is.
    pub(crate) access: Access,
}

impl SourceArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        self.access.password()
    }

    /// The reference.
    #[expect(clippy::unnecessary_wraps, reason = "other groups of flags refuse some")]
    pub(crate) fn reference(&self, chart: Option<String>) -> Result<ChartReference, Failure> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let version = text(&self.version).or_else(|| self.devel.then(|| ">0.0.0-0".to_owned()));
        let access = Access { pass_credentials: self.pass_credentials, ..self.access.access() };
        let keyring = self.verify.then(|| path(self.keyring.as_deref()).unwrap_or_else(usual_keyring));
        Ok(ChartReference {
            chart: text(&Some(chart.unwrap_or_default())),
            version,
            repo: text(&self.repo),
            keyring,
            access,
        })
    }
}

/// Where `GnuPG` keeps public keys, as Helm looks for them.
pub(crate) fn usual_keyring() -> PathBuf {
    let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = home("GNUPGHOME").or_else(|| Some(home("HOME")?.join(".gnupg")));
    folder.unwrap_or_default().join("pubring.gpg")
}

/// Asks on the terminal; what is secret does not show.
pub(crate) fn ask(prompt: &str, secret: bool) -> Result<String, Failure> {
    let terminal = console::Term::stderr();
    let read = || -> std::io::Result<String> {
        terminal.write_str(prompt)?;
        terminal.flush()?;
        let line = if secret { terminal.read_secure_line()? } else { terminal.read_line()? };
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    read()
        .map(|line| if secret { line } else { line.trim().to_owned() })
        .map_err(|error| Failure::reading("-".as_ref(), error))
}

/// Where a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whereabouts {
    /// Inside this program.
    Embedded,
    /// To be fetched.
    Remote(ChartRequest),
    /// Neither; perhaps on this machine.
    Named(String),
}

impl ChartReference {
    /// Where the chart is, as far as its name tells.
    fn whereabouts(&self, default_chart: &str) -> Result<Whereabouts, Failure> {
        let provenance = if self.keyring.is_some() { Provenance::Required } else { Provenance::No };
        let request = |chart: &str| {
            let (chart, repo, version) = (chart.trim().to_owned(), self.repo.clone(), self.version.clone());
            Whereabouts::Remote(ChartRequest { chart, repo, version, provenance })
        };
        match &self.chart {
            Some(chart) if self.repo.is_some() || is_oci(chart) || chart.contains("://") => Ok(request(chart)),
            Some(chart) => Ok(Whereabouts::Named(chart.clone())),
            None if self.repo.is_some() => Ok(request("maibot")),
            None => match &self.version {
                Some(wanted) if !is_embedded(wanted)? => Ok(request(default_chart)),
                _ => Ok(Whereabouts::Embedded),
            },
        }
    }

    /// The chart. What is remote is fetched; `context` knows the way.
    pub(crate) async fn source(&self, context: &Context, command: &str) -> Result<ChartSource, Failure> {
        match self.local(context)? {
            Ok(source) => Ok(source),
            Err(request) => self.remote(&request, context, command).await,
        }
    }

    /// The same for commands without a runtime; one is made only if something is fetched.
    pub(crate) fn source_now(&self, context: &Context, command: &str) -> Result<ChartSource, Failure> {
        match self.local(context)? {
            Ok(source) => Ok(source),
            Err(request) => super::runtime::wait_for(self.remote(&request, context, command))?,
        }
    }

    /// What needs no network, or what to fetch.
    fn local(&self, context: &Context) -> Result<Result<ChartSource, ChartRequest>, Failure> {
        match self.whereabouts(&context.global.default_chart)? {
            Whereabouts::Embedded => Ok(Ok(ChartSource::Embedded)),
            Whereabouts::Named(chart) => {
                let room = |error: action::Error| Failure::room(error.code(), &error);
                match ChartSource::local(&chart).map_err(room)? {
                    Some(source) => Ok(Ok(self.checked(source, &chart, context)?)),
                    None => Err(room(action::Error::NoChart { name: chart })),
                }
            }
            Whereabouts::Remote(request) => Ok(Err(request)),
        }
    }

    async fn remote(&self, request: &ChartRequest, context: &Context, command: &str) -> Result<ChartSource, Failure> {
        let failed = |error: action::Error| context.verdict(error, command);
        let registry = context.registry(&self.access, Chatter::Stderr)?;
        let fetched = fetch(&registry, request, &context.cancel).await.map_err(failed)?;
        check(&fetched, self.keyring.as_deref()).map_err(failed)?;
        Ok(ChartSource::Archive { origin: fetched.origin, content: fetched.archive })
    }

    /// A chart of this machine, its signature checked if that is asked for.
    fn checked(&self, source: ChartSource, typed: &str, context: &Context) -> Result<ChartSource, Failure> {
        if let (Some(keyring), ChartSource::Path(path)) = (&self.keyring, &source) {
            // In full, as Helm names it.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let checked = action::verify::archive(&path, keyring);
            let (bytes, _) = checked.map_err(|error| context.remote_verdict(error, "verify"))?;
            return Ok(ChartSource::Archive { origin: typed.to_owned(), content: bytes });
        }
        Ok(source)
    }

    /// The request for `pull`, which fetches what may also lie on this machine.
    pub(crate) fn request(&self, provenance: Provenance, default_chart: &str) -> Result<Option<ChartRequest>, Failure> {
        Ok(match self.whereabouts(default_chart)? {
            Whereabouts::Embedded => None,
            Whereabouts::Remote(request) => Some(ChartRequest { provenance, ..request }),
            Whereabouts::Named(chart) => {
                Some(ChartRequest { chart, repo: None, version: self.version.clone(), provenance })
            }
        })
    }
}

/// Whether the chart inside this program is of a version: its own, the one it stands for, or one that a range allows.
fn is_embedded(wanted: &str) -> Result<bool, Failure> {
    let wanted = wanted.trim();
    let embedded = Chart::embedded().map_err(|error| Failure::room(error.code(), &error))?.metadata.version;
    let stands_for = embedded.split('+').next().unwrap_or_default();
    if wanted == embedded || wanted == stands_for {
        return Ok(true);
    }
    // A version is a version; only what is none may be a range.
    let range = Version::parse(wanted).is_err().then(|| Constraint::parse(wanted).ok()).flatten();
    Ok(range.zip(Version::parse(stands_for).ok()).is_some_and(|(range, version)| range.check(&version)))
}

/// Where the talk of registries goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chatter {
    /// It is beside the result.
    Stderr,
    /// It is all the result there is: under `--helm-compat=4` it goes where Helm 4 has it.
    Result,
}

/// A schema in a file of this machine.
fn read_schema(path: &str) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("open {path}: {}", crate::chart::go_text(&error));
    let found = std::fs::metadata(path).map_err(told)?;
    if !found.is_file() || found.len() > MAX_SCHEMA {
        return Err(format!("open {path}: no file of at most {MAX_SCHEMA} bytes"));
    }
    std::fs::read(path).map_err(told)
}

/// Tells the user what the registry room has to tell.
struct Heard {
    printer: Arc<Printer>,
    chatter: Chatter,
}

impl Notices for Heard {
    fn notice(&self, notice: Notice) {
        let level = match &notice {
            // What Helm says twice we say once.
            Notice::Pulled { provenance: true, .. } if self.printer.helm().is_none() => return,
            Notice::Pulled { .. } | Notice::Pushed { .. } | Notice::Retry { .. } | Notice::Helper { .. } => Level::Note,
            Notice::OldMediaType { .. }
            | Notice::DamagedCache { .. }
            | Notice::UnusableCache { .. }
            | Notice::NoProvenance { .. }
            | Notice::NearestVersion { .. } => Level::Warning,
        };
        let helm = self.printer.helm();
        let to_stdout = self.chatter == Chatter::Result
            && match &notice {
                Notice::Pulled { .. } | Notice::Pushed { .. } | Notice::OldMediaType { .. } => helm == Some(Helm::Four),
                Notice::NoProvenance { .. } => helm.is_some(),
                _ => false,
            };
        let message = Message::Registry(notice);
        match helm.filter(|_| to_stdout).and_then(|helm| message.helm(helm)) {
            // Whoever does not listen any more is noticed at the end of the command.
            Some(text) => drop(self.printer.result(&format!("{text}\n"))),
            None => self.printer.say(level, &message),
        }
    }
}

/// The largest file that a schema may refer to, in bytes.
const MAX_SCHEMA: u64 = 4 * 1024 * 1024;

impl Context {
    /// Where references of schemas may lead; Helm follows every one.
    pub(crate) fn references(&self, is_allowed: bool) -> References {
        if !is_allowed && self.printer.helm().is_none() {
            return References::Inside;
        }
        let context = self.clone();
        References::Anywhere(Arc::new(move |uri| match uri.strip_prefix("file://") {
            Some(path) => read_schema(&percent_encoding::percent_decode_str(path).decode_utf8_lossy()),
            None => context.fetch_schema(uri),
        }))
    }

    /// A schema at an address. This is called in the middle of work that may have a runtime of its own, so the call gets a
    /// thread.
    fn fetch_schema(&self, address: &str) -> Result<Vec<u8>, String> {
        let english = |failure: Failure| failure.helm(Helm::Four);
        let fetch = || {
            let registry = self.registry(&Access::default(), Chatter::Stderr).map_err(english)?;
            let read = async { registry.read(address).await.map_err(|error| error.to_string()) };
            super::runtime::wait_for(read).map_err(english)?.map(|content| content.to_vec())
        };
        std::thread::scope(|scope| scope.spawn(fetch).join())
            .unwrap_or_else(|_| Err("the request broke off".to_owned()))
    }

    /// The way to registries for this command.
    pub(crate) fn registry(&self, access: &Access, chatter: Chatter) -> Result<Registry, Failure> {
        if let Some(login) = &access.login {
            self.printer.learn_secret(&login.reveal());
        }
        let heard = Heard { printer: Arc::clone(&self.printer), chatter };
        Registry::new(access.settings(&self.global), Arc::new(heard))
            .map_err(|error| crate::ui::registry_failure(&error, self.printer.language()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{ChartRequest, SourceArgs, Whereabouts};
    use crate::registry::Provenance;

    #[derive(Debug, Parser)]
    struct Typed {
        chart: Option<String>,
        #[command(flatten)]
        source: SourceArgs,
    }

    fn whereabouts(line: &str) -> Whereabouts {
        let typed = Typed::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
        typed.source.reference(typed.chart).unwrap().whereabouts("oci://default/maibot").unwrap()
    }

    fn remote(chart: &str, repo: Option<&str>, version: Option<&str>) -> Whereabouts {
        Whereabouts::Remote(ChartRequest {
            chart: chart.to_owned(),
            repo: repo.map(str::to_owned),
            version: version.map(str::to_owned),
            provenance: Provenance::No,
        })
    }

    #[test]
    fn without_a_chart_the_version_decides() {
        for line in ["", "--version 0.12.2", "--version ^0.12.0", "--version 0.12.x"] {
            assert_eq!(whereabouts(line), Whereabouts::Embedded, "{line}");
        }
        for version in ["0.11.6-beta", "0.12", "<0.12.0", "latest"] {
            assert_eq!(
                whereabouts(&format!("--version {version}")),
                remote("oci://default/maibot", None, Some(version))
            );
        }
    }

    #[test]
    fn addresses_are_fetched_and_other_names_are_looked_for_here() {
        assert_eq!(whereabouts("oci://r/a --devel"), remote("oci://r/a", None, Some(">0.0.0-0")));
        assert_eq!(whereabouts("oci://r/a --devel --version 1"), remote("oci://r/a", None, Some("1")));
        assert_eq!(whereabouts("https://r/a.tgz"), remote("https://r/a.tgz", None, None));
        assert_eq!(whereabouts("a --repo https://r"), remote("a", Some("https://r"), None));
        assert_eq!(whereabouts("--repo https://r"), remote("maibot", Some("https://r"), None));
        assert_eq!(whereabouts("./a"), Whereabouts::Named("./a".to_owned()));
        assert_eq!(whereabouts("./a --repo ="), remote("./a", Some("="), None));
    }
}

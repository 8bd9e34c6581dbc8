//! `maibot package`: charts' folders become archives, signed if that is asked for.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;

use crate::action::dependency::DependencySettings;
use crate::action::package::{PackageError, PackageSettings, package};
use crate::chart::save::Times;
use crate::code::Exit;
use crate::registry::SigningKey;
use crate::ui::{Failure, Usage, quoted};

use super::args::path;
use super::dependency;
use super::runtime::{self, Context};
use super::source::{Access, AccessArgs, ask, usual_keyring};

/// The variable by which builds fix their time, in seconds since 1970: <https://reproducible-builds.org>.
pub(crate) const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// The longest passphrase that is read, in bytes.
const LONGEST_PASSPHRASE: u64 = 64 << 10;

/// Make archives of charts
///
/// Entries carry the times of the files, so that the same files make the same archive; none is newer than
/// `SOURCE_DATE_EPOCH`, if that is set.
#[derive(Debug, Clone, Args)]
pub(crate) struct PackageArgs {
    /// Folder of a chart; there may be several
    #[arg(value_name = "CHART_PATH")]
    charts: Vec<String>,
    /// Version to give the chart
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Version of the application to give the chart
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
    /// Folder to write into
    #[arg(short = 'd', long, value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    destination: String,
    /// Fetch the chart's dependencies first
    #[arg(short = 'u', long)]
    dependency_update: bool,
    /// Sign the archive: a provenance file comes beside it
    #[arg(long)]
    sign: bool,
    /// Name of the key to sign with, or a part of it
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Secret keys to sign with, as `gpg --export-secret-keys` writes them
    #[arg(long, value_name = "FILE")]
    keyring: Option<String>,
    /// File with the passphrase of the key, or - for standard input
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<String>,
    #[command(flatten, next_help_heading = "Options")]
    access: AccessArgs,
}

/// Settings of `package`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    charts: Vec<String>,
    version: Option<String>,
    app_version: Option<String>,
    destination: PathBuf,
    dependency_update: bool,
    access: Access,
    times: Times,
    signing: Option<Signing>,
}

/// How archives are signed.
#[derive(Debug, Clone)]
struct Signing {
    key: String,
    keyring: PathBuf,
    passphrase_file: Option<String>,
}

impl PackageArgs {
    /// The password of the registry, if one was given.
    pub(crate) fn password(&self) -> Option<&str> {
        self.access.password()
    }

    /// The settings; `epoch` is the variable's value.
    pub(crate) fn settings(&self, epoch: Option<&str>) -> Result<Settings, Failure> {
        if self.charts.is_empty() {
            return Err(Usage::Other("need at least one argument, the path to the chart".to_owned()).into());
        }
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let signing = if self.sign {
            let required = |flag| Usage::Other(format!("--{flag} is required for signing a package"));
            let keyring = match &self.keyring {
                None => usual_keyring(),
                Some(typed) => path(Some(typed)).ok_or_else(|| required("keyring"))?,
            };
            let key = given(&self.key).ok_or_else(|| required("key"))?;
            Some(Signing { key, keyring, passphrase_file: given(&self.passphrase_file) })
        } else {
            None
        };
        Ok(Settings {
            charts: self.charts.clone(),
            version: given(&self.version),
            app_version: given(&self.app_version),
            destination: PathBuf::from(&self.destination),
            dependency_update: self.dependency_update,
            access: self.access.access(),
            times: Times { now: jiff::Timestamp::now(), latest: epoch.map(seconds).transpose()? },
            signing,
        })
    }
}

fn seconds(text: &str) -> Result<jiff::Timestamp, Failure> {
    let parsed = text.parse().ok().filter(|seconds| *seconds >= 0);
    parsed.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).ok_or_else(|| Failure::Settings {
        place: EPOCH.to_owned(),
        position: None,
        reason: format!("`{text}` is no number of seconds since 1970"),
    })
}

fn failed(error: &PackageError) -> Failure {
    Failure::room(error.code(), error)
}

impl Signing {
    /// The key, ready to sign.
    fn key(&self, context: &Context) -> Result<SigningKey, Failure> {
        let mut key = SigningKey::find(&self.keyring, &self.key).map_err(|error| failed(&error.into()))?;
        let given = self.passphrase_file.as_deref().map(read_passphrase).transpose()?;
        if key.is_locked() {
            let passphrase = match given {
                Some(passphrase) => passphrase,
                None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
                    ask(&format!("Password for key {} >  ", quoted(&key.owner())), true)?
                }
                None => return Err(Failure::NoTerminal { flag: "--passphrase-file" }),
            };
            context.printer.learn_secret(&passphrase);
            key.unlock(&passphrase).map_err(|error| failed(&error.into()))?;
        }
        Ok(key)
    }
}

/// The first line of a file, or of standard input if that is no terminal.
fn read_passphrase(file: &str) -> Result<String, Failure> {
    let mut line = String::new();
    let (name, read) = if file == "-" {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let text = "specified reading passphrase from stdin, without input on stdin";
            return Err(Usage::Other(text.to_owned()).into());
        }
        ("-", stdin.lock().take(LONGEST_PASSPHRASE).read_line(&mut line))
    } else {
        let opened = std::fs::File::open(file);
        let reader = opened.map(|file| std::io::BufReader::new(file.take(LONGEST_PASSPHRASE)));
        (file, reader.and_then(|mut reader| reader.read_line(&mut line)))
    };
    match read {
        Err(error) => Err(Failure::reading(name.as_ref(), error)),
        Ok(0) => Err(Failure::reading(name.as_ref(), std::io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => {
            let line = line.strip_suffix('\n').unwrap_or(&line);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
    }
}

/// Packages one chart after another.
pub(crate) fn run(settings: &Settings, context: &Context) -> Result<Exit, Failure> {
    let mut key = None;
    for chart in &settings.charts {
        if settings.dependency_update {
            let wanted = DependencySettings {
                chart: chart.into(),
                compat: context.compat(),
                links: context.links(),
                keyring: None,
                requires_signature: false,
                skip_refresh: false,
            };
            // As in Helm, nothing is told of it.
            runtime::wait_for(dependency::bring_all(wanted, &settings.access, true, context, &mut |_| {}))??;
        }
        // Whoever packages several charts is asked for the passphrase once.
        if let (None, Some(signing)) = (&key, &settings.signing) {
            key = Some(signing.key(context)?);
        }
        let wanted = PackageSettings {
            chart: chart.into(),
            version: settings.version.clone(),
            app_version: settings.app_version.clone(),
            destination: settings.destination.clone(),
            compat: context.compat(),
            links: context.links(),
            times: settings.times,
        };
        let path = package(&wanted, key.as_ref()).map_err(|error| failed(&error))?;
        let text = format!("Successfully packaged chart and saved it to: {}\n", path.display());
        context.printer.result(&text)?;
    }
    Ok(Exit::Success)
}

//! `maibot registry login` and `maibot registry logout`: what is known about the user at registries.

use std::io::{IsTerminal as _, Read as _};

use clap::{Args, Subcommand};

use crate::action;
use crate::code::Exit;
use crate::registry::{Login, TlsSettings};
use crate::ui::{Failure, Helm, Level, Message};

use super::args::path;
use super::runtime::Context;
use super::source::{Access, Chatter, ask};

/// The most that is read of a password, in bytes.
const LONGEST_PASSWORD: u64 = 64 << 10;

/// Log in to and out of registries
#[derive(Debug, Clone, Args)]
#[command(subcommand_required = true, arg_required_else_help = true, subcommand_value_name = "COMMAND")]
pub(crate) struct RegistryArgs {
    #[command(subcommand)]
    command: RegistryVerb,
}

#[derive(Debug, Clone, Subcommand)]
enum RegistryVerb {
    Login(LoginArgs),
    Logout(LogoutArgs),
}

/// Log in to a registry and keep the credentials, where Helm keeps them
#[derive(Debug, Clone, Args)]
struct LoginArgs {
    /// Host and port of the registry
    #[arg(value_name = "HOST", required = true)]
    host: String,
    /// More arguments, which Helm takes and leaves out
    #[arg(hide = true)]
    ignored: Vec<String>,
    /// User name; without one the password is an identity token
    #[arg(short = 'u', long, value_name = "USER")]
    username: Option<String>,
    /// Password or identity token; others can see it in the list of processes, --password-stdin is safer
    #[arg(short = 'p', long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Read the password or identity token from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Do not check the certificate of the registry
    #[arg(long)]
    insecure: bool,
    /// Client certificate for the registry
    #[arg(long, value_name = "FILE")]
    cert_file: Option<String>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// Certificates that vouch for the registry
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Speak to the registry without TLS
    #[arg(long)]
    plain_http: bool,
}

/// Forget the credentials of a registry
#[derive(Debug, Clone, Args)]
struct LogoutArgs {
    /// Host and port of the registry
    #[arg(value_name = "HOST", required = true)]
    host: String,
    /// More arguments, which Helm takes and leaves out
    #[arg(hide = true)]
    ignored: Vec<String>,
}

impl RegistryArgs {
    pub(crate) fn password(&self) -> Option<&str> {
        match &self.command {
            RegistryVerb::Login(args) => args.password.as_deref(),
            RegistryVerb::Logout(_) => None,
        }
    }
}

/// Logs in or out.
pub(crate) async fn run(args: RegistryArgs, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        RegistryVerb::Login(args) => login(args, context).await,
        RegistryVerb::Logout(args) => logout(args, context).await,
    }
}

async fn login(args: LoginArgs, context: &Context) -> Result<Exit, Failure> {
    let login = args.login(context)?;
    let access = Access::new(
        Some(login.clone()),
        TlsSettings {
            ca_file: path(args.ca_file.as_deref()),
            cert_file: path(args.cert_file.as_deref()),
            key_file: path(args.key_file.as_deref()),
            insecure: args.insecure,
        },
        args.plain_http,
    );
    let registry = context.registry(&access, Chatter::Result)?;
    let host = host(&args.host, context);
    let result = tokio::select! {
        result = registry.login(&host, &login) => result.map_err(action::Error::from),
        () = context.cancel.cancelled() => Err(action::Error::Interrupted),
    };
    result.map_err(|error| context.remote_verdict(error, "registry login"))?;
    tell(&Message::LoggedIn { host }, context)
}

async fn logout(args: LogoutArgs, context: &Context) -> Result<Exit, Failure> {
    let registry = context.registry(&Access::default(), Chatter::Result)?;
    let host = if context.printer.helm().is_some() { args.host } else { host(&args.host, context) };
    let result = registry.logout(&host).await.map_err(action::Error::from);
    result.map_err(|error| context.remote_verdict(error, "registry logout"))?;
    tell(&Message::LoggedOut { host }, context)
}

/// Says how it went: on stderr, and under `--helm-compat=4` on stdout as Helm 4 does.
fn tell(message: &Message, context: &Context) -> Result<Exit, Failure> {
    match message.helm(Helm::Four).filter(|_| context.printer.helm() == Some(Helm::Four)) {
        Some(text) => context.printer.result(&format!("{text}\n"))?,
        None => context.printer.say(Level::Note, message),
    }
    Ok(Exit::Success)
}

/// The host in what was typed. Helm 3 cuts scheme and path off, Helm 4 warns of a path and fails; we understand what was
/// meant.
fn host(typed: &str, context: &Context) -> String {
    let bare = ["oci://", "https://", "http://"].iter().find_map(|scheme| typed.strip_prefix(scheme)).unwrap_or(typed);
    let host = bare.split('/').next().unwrap_or_default();
    match context.printer.helm() {
        Some(Helm::Four) if typed.contains('/') => {
            let suggested = typed.split('/').next().unwrap_or_default().to_owned();
            context.printer.say(Level::Warning, &Message::LoginPath { host: typed.to_owned(), suggested });
            typed.to_owned()
        }
        _ => host.to_owned(),
    }
}

impl LoginArgs {
    /// User and password: typed, from standard input, or asked for.
    fn login(&self, context: &Context) -> Result<Login, Failure> {
        let typed = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut user = typed(&self.username);
        if self.password_stdin {
            let mut text = String::new();
            std::io::stdin()
                .lock()
                .take(LONGEST_PASSWORD)
                .read_to_string(&mut text)
                .map_err(|error| Failure::reading("-".as_ref(), error))?;
            let password = text.strip_suffix('\n').unwrap_or(&text);
            let password = password.strip_suffix('\r').unwrap_or(password);
            context.printer.learn_secret(password);
            return Ok(Login::new(user.unwrap_or_default(), password));
        }
        if let Some(password) = typed(&self.password) {
            context.printer.say(Level::Warning, &Message::PasswordTyped);
            return Ok(Login::new(user.unwrap_or_default(), password));
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !terminal {
            return Err(Failure::NoTerminal { flag: "--password-stdin" });
        }
        if user.is_none() {
            user = typed(&Some(ask("Username: ", false)?));
        }
        let prompt = if user.is_some() { "Password: " } else { "Token: " };
        let password = ask(prompt, true)?;
        if password.is_empty() {
            return Err(Failure::NoTerminal { flag: "--password-stdin" });
        }
        context.printer.learn_secret(&password);
        Ok(Login::new(user.unwrap_or_default(), password))
    }
}

//! `maibot verify`: the signature of an archive on this machine. Lines are Helm's.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use crate::action::verify;
use crate::registry::Verified;
use crate::ui::Failure;

use super::args::path;
use super::runtime::Context;
use super::source::usual_keyring;

/// Check the signature of a chart's archive
///
/// The signature is in the provenance file beside the archive: `maibot-0.12.2.tgz.prov` for `maibot-0.12.2.tgz`.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyArgs {
    /// The archive
    #[arg(value_name = "PATH", required = true)]
    archive: String,
    /// Public keys, as `gpg --export` writes them
    #[arg(long, value_name = "FILE")]
    keyring: Option<String>,
}

/// Checks and tells who signed it.
pub(crate) fn run(args: &VerifyArgs, context: &Context) -> Result<(), Failure> {
    let keyring = path(args.keyring.as_deref()).unwrap_or_else(usual_keyring);
    let (_, verified) =
        verify::archive(Path::new(&args.archive), &keyring).map_err(|error| context.remote_verdict(error, "verify"))?;
    context.printer.result(&told(&verified))
}

/// Helm's lines about a signature that is in order.
pub(super) fn told(verified: &Verified) -> String {
    let mut text = String::new();
    for name in &verified.signed_by {
        let _ = writeln!(text, "Signed by: {name}");
    }
    let _ = writeln!(text, "Using Key With Fingerprint: {}", verified.fingerprint);
    let _ = writeln!(text, "Chart Hash Verified: {}", verified.digest);
    text
}

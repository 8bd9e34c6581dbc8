//! Values files at addresses, for `-f https://…` and `--set-file a=https://…`.
//!
//! As in Helm the flags about registries do not matter here: what `--username`, `--ca-file` and the like say is about
//! the chart's host. A user and a password in the address go to its host and are masked everywhere.

use url::Url;

use crate::action;
use crate::ui::Failure;

use super::runtime::{self, Context};
use super::source::{Access, Chatter};

/// Whether a name is an address that can be fetched.
pub(crate) fn is_address(name: &str) -> bool {
    name.split_once("://")
        .is_some_and(|(scheme, _)| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// Fetches a file. It waits: commands that have a runtime call it as well as those without, so that the request gets a
/// thread and a runtime of its own.
pub(crate) fn read(address: &str, context: &Context) -> Result<Vec<u8>, Failure> {
    if let Some(password) = address.parse::<Url>().ok().and_then(|url| url.password().map(str::to_owned)) {
        context.printer.learn_secret(&password);
        let plain = percent_encoding::percent_decode_str(&password).decode_utf8_lossy();
        context.printer.learn_secret(&plain);
    }
    let registry = context.registry(&Access::default(), Chatter::Stderr)?;
    let fetch = async {
        tokio::select! {
            bytes = registry.file(address) => bytes.map_err(action::Error::from),
            () = context.cancel.cancelled() => Err(action::Error::Interrupted),
        }
    };
    let fetched = std::thread::scope(|scope| scope.spawn(|| runtime::wait_for(fetch)).join());
    // A panic has told its story already.
    let Ok(fetched) = fetched else { return Err(Failure::internal(&std::io::Error::other("the download ended"))) };
    let bytes = fetched?.map_err(|error| context.remote_verdict(error, "values"))?;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_are_told_from_files() {
        for address in ["http://a/b", "https://a", "HTTPS://a"] {
            assert!(is_address(address), "{address}");
        }
        for file in ["-", "a", "./http", "file:///a", "oci://a/b", "C:\\a", "httpx://a", "a://http"] {
            assert!(!is_address(file), "{file}");
        }
    }
}

//! The world as templates may see it: the clock, the time zone, randomness, the DNS.

use std::net::ToSocketAddrs as _;

use crate::render::gotemplate::host::Host;

/// The machine this program runs on. Without a cluster: `lookup` finds nothing, as in `helm template`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine;

impl Host for Machine {
    fn now(&self) -> i128 {
        jiff::Timestamp::now().as_nanosecond()
    }

    fn time_zone(&self) -> String {
        jiff::tz::TimeZone::try_system()
            .ok()
            .and_then(|zone| zone.iana_name().map(str::to_owned))
            .unwrap_or_else(|| "UTC".to_owned())
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), String> {
        getrandom::fill(buffer).map_err(|error| error.to_string())
    }

    fn host_by_name(&self, name: &str) -> String {
        let found = (name, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        found.map(|address| address.ip().to_string()).unwrap_or_default()
    }
}

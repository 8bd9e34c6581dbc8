//! Bytes as rendered text: splitting loses nothing, ordering never fails in a way of its own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maibot::render::manifest::{self, Order};
use maibot::values::Compat;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for compat in [Compat::Helm4, Compat::Helm3] {
        let documents = manifest::split(text, compat);
        assert!(documents.iter().all(|document| text.contains(document)));
        for order in [Order::Install, Order::Uninstall] {
            let _ = manifest::sort([("c/templates/t.yaml", text)], order, compat);
        }
    }
});

//! Bytes as expressions of the flags that set values.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maibot::values::{Compat, Flags};
use maibot::yaml::Numbers;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let expression = || vec![text.to_owned()];
    for flags in [
        Flags { set: expression(), ..Flags::default() },
        Flags { set_string: expression(), ..Flags::default() },
        Flags { set_json: expression(), ..Flags::default() },
        Flags { set_literal: expression(), ..Flags::default() },
    ] {
        for compat in [Compat::Helm4, Compat::Helm3] {
            let _ = flags.collect(compat, Numbers::Helm, false, &mut |_| Err("no files here".to_owned()));
        }
    }
});

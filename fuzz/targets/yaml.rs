//! Bytes as a YAML document: what can be read can be written, and is then read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maibot::yaml::{Numbers, read, read_documents, to_yaml};

fuzz_target!(|bytes: &[u8]| {
    let _ = read_documents(bytes, Numbers::Helm);
    let Ok(value) = read(bytes, Numbers::Helm) else { return };
    if let Ok(text) = to_yaml(&value) {
        let again = read(text.as_bytes(), Numbers::Helm).expect("what was written can be read");
        assert_eq!(to_yaml(&again).as_ref(), Ok(&text));
    }
});

//! What template functions take from Go's standard library and what no crate does in Go's way: paths, addresses, URLs,
//! base64 and base32 with the place of an error, regular expressions, points in time, certificates.
//!
//! Leaf modules: each imitates one Go package as far as templates can see it, in results, error texts and the texts of
//! panics, and knows nothing of templates. Where a crate has the algorithm, it is used, and the module adds what differs.

pub mod address;
pub mod base32;
pub mod base64;
pub mod path;
pub mod regexp;
pub mod strconv;
pub mod time;
pub mod url;

/// Bytes that are text most of the time, quoted as `strconv.Quote` does: what is not UTF-8 as `\xff`.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        let quoted = crate::yaml::number::quote(chunk.valid());
        out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

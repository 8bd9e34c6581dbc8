//! What template functions take from Go's standard library and what no crate does in Go's way: paths, addresses, URLs,
//! base64 and base32 with the place of an error, regular expressions, points in time, certificates.
//!
//! Leaf modules: each imitates one Go package as far as templates can see it, in results, error texts and the texts of
//! panics, and knows nothing of templates. Where a crate has the algorithm, it is used, and the module adds what differs.

pub mod address;
pub mod base32;
pub mod base64;
pub mod der;
pub mod path;
pub mod pem;
pub mod private_key;
pub mod regexp;
pub mod strconv;
pub mod time;
pub mod toml;
pub mod url;
pub mod x509;

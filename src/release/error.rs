//! What can be wrong with a release record.

use thiserror::Error;

use crate::code::Code;

/// A record that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The Secret has no `release` key or it is empty.
    #[error("unexpected end of JSON input")]
    Empty,
    /// The base64 layer is broken; the offset is in bytes of the text.
    #[error("illegal base64 data at input byte {0}")]
    Base64(usize),
    /// The gzip layer is broken.
    #[error("{0}")]
    Gzip(String),
    /// The unpacked record is larger than any Secret could hold in earnest.
    #[error("release record unpacks to more than {0} bytes")]
    Bomb(usize),
    /// The JSON is broken or has the wrong shape, in Go's words.
    #[error("{0}")]
    Json(String),
    /// A time is not RFC 3339.
    #[error("parsing time \"{0}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{0}\" as \"2006\"")]
    Time(String),
    /// The record would not fit into a Secret.
    #[error("release record is {size} bytes, a Secret holds at most {limit}")]
    TooLarge {
        /// Size of the encoded record in bytes.
        size: usize,
        /// What a Secret can hold, in bytes.
        limit: usize,
    },
}

impl RecordError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::RecordTooLarge,
            _ => Code::Record,
        }
    }
}

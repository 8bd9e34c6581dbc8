//! Objects kept by the scripted server.

use super::server::{Answer, Recorded};

/// The objects.
pub struct Store;

impl Store {
    /// None yet.
    pub fn new() -> Self {
        Self
    }

    /// Answers a request.
    pub fn answer(&mut self, _request: &Recorded) -> Answer {
        Answer::refusal(404, "NotFound", "the server could not find the requested resource")
    }
}

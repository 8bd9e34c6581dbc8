//! Replays the vectors under `tests/conformance/`.

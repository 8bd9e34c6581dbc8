//! Replays the vectors under `tests/conformance/`.

mod official_chart;

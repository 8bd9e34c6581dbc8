//! Replays the vectors under `tests/conformance/`.

mod config_facts;
mod official_chart;

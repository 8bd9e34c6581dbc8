//! Replays the vectors under `tests/conformance/`.

mod config_facts;
mod embedded_chart;
mod official_chart;

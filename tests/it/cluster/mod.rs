//! The program on a real cluster, beside real Helm. Every test has a namespace of its own.

mod budget;
mod charts;
mod client;
mod data;
mod dry_run;
mod failures;
mod interchange;
mod killed;
mod live;
mod pods;
mod template;
mod upgradable;

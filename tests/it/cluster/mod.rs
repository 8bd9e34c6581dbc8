//! The program on a real cluster, beside real Helm. Every test has a namespace of its own.

mod live;
mod smoke;

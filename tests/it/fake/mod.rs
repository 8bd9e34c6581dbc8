//! A scripted API server, and what the program does when it misbehaves.

#![allow(dead_code, unreachable_pub, reason = "the server offers more than each test needs")]

mod client;
mod credential;
mod exec;
mod exec_files;
pub mod exec_server;
mod kubeconfig;
mod objects;
mod proxy;
pub mod server;
pub mod store;
mod tls;
mod watch;
mod watch_logs;

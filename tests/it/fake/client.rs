//! The connection: retries, refusals, warnings, time limits.

use maibot::cluster::Signal;

use super::server::{Answer, FakeServer};

#[tokio::test]
async fn a_connection_sends_nothing_by_itself() {
    let server = FakeServer::start().await;
    let (cluster, heard) = server.cluster().await;
    assert_eq!(cluster.requests(), 0);
    assert_eq!(server.connections(), 0);
    assert_eq!(heard.all(), Vec::<Signal>::new());
    drop(Answer::refusal(404, "", ""));
}

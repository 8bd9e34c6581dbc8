//! How an action learns that it shall stop.
//!
//! The token is set by the first SIGINT or SIGTERM. An action looks at it between its steps and waits for it beside
//! whatever it waits for; it then brings things to a safe end and returns what state they are in.

use std::sync::Arc;

use tokio::sync::watch;

/// A token that is set once and never unset. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel {
    // The sender is kept beside the receiver, so that waiting never ends because the other side is gone.
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// A token that is not set.
    pub fn new() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }

    /// Sets the token; from any thread.
    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the token is set.
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Comes back when the token is set, at once if it is set already.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // Cannot fail: this token holds the sender.
        let _ = receiver.wait_for(|set| *set).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Cancel;

    #[tokio::test]
    async fn waiting_ends_when_another_thread_sets_the_token() {
        let token = Cancel::new();
        assert!(!token.is_cancelled());
        let clone = token.clone();
        let thread = std::thread::spawn(move || clone.cancel());
        tokio::time::timeout(Duration::from_secs(10), token.cancelled()).await.unwrap();
        thread.join().unwrap();
        assert!(token.is_cancelled());
        tokio::time::timeout(Duration::from_secs(10), token.cancelled()).await.unwrap();
    }
}

//! Waiting for a time that may not be set.

use tokio::time::{Instant, sleep_until};

/// Waits for a time, or for ever.
pub async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

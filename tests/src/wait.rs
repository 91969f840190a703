//! Waiting for a condition, with a deadline: tests never wait for a time.

use std::time::{Duration, Instant};

/// No condition of these tests takes this long on a machine that works, however slow.
pub const DEADLINE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When the deadline passes; `what` says what did not happen.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            Instant::now() < end,
            "this did not happen in {DEADLINE:?}: {what}"
        );
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

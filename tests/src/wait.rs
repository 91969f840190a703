//! Waiting for a condition, with a deadline: tests never wait for a time.

use std::time::{Duration, Instant};

/// No condition of these tests takes this long on a machine that works, however slow.
pub const DEADLINE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When the deadline passes; `what` says what did not happen.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(DEADLINE, look)
        .await
        .unwrap_or_else(|| panic!("this did not happen in {DEADLINE:?}: {what}"))
}

/// Asks again and again until there is an answer, or the time is over.
pub async fn within<T>(time: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + time;
    loop {
        let found = look().await;
        if found.is_some() || Instant::now() >= end {
            return found;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

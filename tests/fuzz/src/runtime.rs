//! A runtime on which nobody waits: where all that is left is to wait, its clock jumps.

use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        // Neither for a client that is late, nor the second that a farewell takes.
        .start_paused(true)
        .build()
        .unwrap();
}

/// Runs a task to its end.
pub fn block_on<F: Future>(task: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(task))
}

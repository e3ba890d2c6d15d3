//! A clock in a hurry: real sockets and threads, and hours that pass in seconds.
//!
//! Tokio's paused clock jumps to the next timer whenever its tasks are idle, also while bytes are on their way through
//! the kernel. Here it does not jump by itself: a thread that never comes back holds it (tokio waits for blocking tasks),
//! and a task moves it on a step each time when all others have had their turn.

use std::future::Future;
use std::time::Duration;

/// Virtual time of one step.
const STEP: Duration = Duration::from_millis(100);
/// Real time of one step, at least: what is on its way arrives.
const PAUSE: Duration = Duration::from_micros(700);

/// Runs `work` on a clock that is some hundred times too fast.
pub(crate) fn hurry<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let push = async {
            loop {
                // While this sleeps the clock cannot jump by itself.
                let slept = tokio::task::spawn_blocking(|| std::thread::sleep(PAUSE));
                slept.await.expect("sleeping does not panic");
                tokio::time::advance(STEP).await;
            }
        };
        tokio::select! {
            done = work => done,
            never = push => never,
        }
    })
}

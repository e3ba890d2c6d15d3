//! Threads that a worker cannot do without.

use tokio_util::sync::CancellationToken;

/// A thread, and how one learns that it is gone.
pub(super) struct Thread {
    pub(super) name: &'static str,
    pub(super) gone: CancellationToken,
}

// === impl Thread ===

impl Thread {
    /// Runs `body` in a thread of its own.
    pub(super) fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let gone = CancellationToken::new();
        let guard = gone.clone().drop_guard();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped also when the body panics.
            let _guard = guard;
            body();
        })?;
        Ok(Self { name, gone })
    }
}

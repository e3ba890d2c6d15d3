//! Simulated cameras in processes of their own, so that what serving costs is not counted.

use std::path::Path;
use std::time::Duration;

use moshao_tests::processes::Pid;
use moshao_tests::simulated_camera::SimulatedCamera;

/// Servers that play one recording, each from another place on.
pub(crate) struct Cameras(Vec<SimulatedCamera>);

// === impl Cameras ===

impl Cameras {
    /// Starts `servers` of them on a recording of this `length`: they come to its beginning one after the other, the first
    /// at once and the last almost `spread` later.
    pub(crate) fn start(file: &Path, length: Duration, spread: Duration, servers: u32) -> Self {
        let begin = |number| match spread * number / servers {
            Duration::ZERO => Duration::ZERO,
            later => length - later,
        };
        Self((0..servers).map(|n| SimulatedCamera::start(&[file.to_owned()], begin(n), &[])).collect())
    }

    /// URLs of so many cameras, dealt out in turn.
    pub(crate) fn urls(&self, count: usize) -> Vec<String> {
        self.0.iter().cycle().take(count).map(|server| server.url().to_owned()).collect()
    }

    pub(crate) fn pids(&self) -> Vec<Pid> {
        self.0.iter().map(SimulatedCamera::pid).collect()
    }
}

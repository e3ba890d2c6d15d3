//! What a camera did since the last report; added to by the threads, taken by the link.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::link::CameraCounters;

/// Counters of one camera. Single figures are exact; figures taken together may be a picture apart.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: Count,
    pub(super) access_units: Count,
    pub(super) decoded: Count,
    pub(super) inferred: Count,
    pub(super) replaced: Count,
    pub(super) skipped: Count,
    pub(super) broken: Count,
    pub(super) lost_packets: Count,
    pub(super) decode_busy_ns: Count,
    pub(super) infer_busy_ns: Count,
}

/// A number that only grows until it is taken.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// Processor time of the calling thread since it was started.
#[derive(Debug)]
pub(super) struct Busy(Duration);

// === impl Counters ===

impl Counters {
    /// All counters since they were taken last.
    pub(super) fn take(&self, camera: &str) -> CameraCounters {
        CameraCounters {
            camera: camera.to_owned(),
            bytes: self.bytes.take(),
            access_units: self.access_units.take(),
            decoded: self.decoded.take(),
            inferred: self.inferred.take(),
            replaced: self.replaced.take(),
            skipped: self.skipped.take(),
            broken: self.broken.take(),
            lost_packets: self.lost_packets.take(),
            decode_busy: Duration::from_nanos(self.decode_busy_ns.take()),
            infer_busy: Duration::from_nanos(self.infer_busy_ns.take()),
        }
    }
}

// === impl Count ===

impl Count {
    pub(super) fn add(&self, by: u64) {
        self.0.fetch_add(by, Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Relaxed)
    }
}

// === impl Busy ===

impl Busy {
    pub(super) fn start() -> Self {
        Self(thread_time())
    }

    pub(super) fn add_to(self, count: &Count) {
        let spent = thread_time().saturating_sub(self.0);
        count.add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX));
    }
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has a clock for each thread").into()
}

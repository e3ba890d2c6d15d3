//! What a camera did since the last report; added to by the threads, taken by the link.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::eye::Tally;
use super::link::CameraCounters;
use crate::camera::wake::Wake;

/// Counters of one camera. Single figures are exact; figures taken together may be a picture apart.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: Count,
    pub(super) main_bytes: Count,
    pub(super) access_units: Count,
    pub(super) key_frames: Count,
    pub(super) torn: Count,
    pub(super) decoded: Count,
    pub(super) inferred: Count,
    pub(super) replaced: Count,
    pub(super) skipped: Count,
    pub(super) passed_over: Count,
    pub(super) broken: Count,
    pub(super) lost_packets: Count,
    pub(super) decode_busy_ns: Count,
    pub(super) infer_busy_ns: Count,
    pub(super) look_busy_ns: Count,
    /// What the camera's latest sender report says of its clock.
    pub(super) clock_offset: Offset,
    looks: Count,
    spared: Count,
    awake_ns: Count,
    /// By the place of the reason in [`Wake::ALL`].
    wakes: [Count; Wake::ALL.len()],
}

/// A number that only grows until it is taken.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// A difference of two clocks, if it is known.
#[derive(Debug)]
pub(super) struct Offset(AtomicU64);

/// Processor time of the calling thread since it was started.
#[derive(Debug)]
pub(super) struct Busy(Duration);

// === impl Counters ===

impl Counters {
    /// All counters since they were taken last, of a camera that sleeps now or does not.
    pub(super) fn take(&self, camera: &str, is_asleep: bool) -> CameraCounters {
        CameraCounters {
            camera: camera.to_owned(),
            bytes: self.bytes.take(),
            main_bytes: self.main_bytes.take(),
            access_units: self.access_units.take(),
            key_frames: self.key_frames.take(),
            torn: self.torn.take(),
            decoded: self.decoded.take(),
            inferred: self.inferred.take(),
            replaced: self.replaced.take(),
            skipped: self.skipped.take(),
            passed_over: self.passed_over.take(),
            broken: self.broken.take(),
            lost_packets: self.lost_packets.take(),
            clock_offset_s: self.clock_offset.get(),
            decode_busy: Duration::from_nanos(self.decode_busy_ns.take()),
            infer_busy: Duration::from_nanos(self.infer_busy_ns.take()),
            look_busy: Duration::from_nanos(self.look_busy_ns.take()),
            is_asleep,
            looks: self.looks.take(),
            spared: self.spared.take(),
            awake: Duration::from_nanos(self.awake_ns.take()),
            wakes: Wake::ALL
                .into_iter()
                .zip(self.wakes.iter().map(Count::take))
                .filter(|(_, n)| *n > 0)
                .collect(),
        }
    }

    /// Adds what the gate did.
    pub(super) fn add_gate(&self, tally: &Tally) {
        self.looks.add(tally.looks);
        self.spared.add(tally.spared);
        self.awake_ns.add(u64::try_from(tally.awake.as_nanos()).unwrap_or(u64::MAX));
        for (reason, count) in Wake::ALL.into_iter().zip(&self.wakes) {
            count.add(tally.wakes().filter(|wake| *wake == reason).count() as u64);
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

// === impl Offset ===

impl Offset {
    pub(super) fn set(&self, seconds: Option<f64>) {
        self.0.store(seconds.unwrap_or(f64::NAN).to_bits(), Relaxed);
    }

    fn get(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.load(Relaxed))).filter(|seconds| !seconds.is_nan())
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self(AtomicU64::new(f64::NAN.to_bits()))
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

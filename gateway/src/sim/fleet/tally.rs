//! What has happened in the fleet so far, counted by all members together.

use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

/// Counters of the whole fleet.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    connected: u64,
    connections: u64,
    broken: u64,
    made: u64,
    overflowed: u64,
    acknowledged: u64,
    sent_again: u64,
    notes: u64,
    latencies: Latencies,
    last_error: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Gateways.
    pub gateways: u32,
    /// Gateways that were connected at least once.
    pub connected: u64,
    /// Connections that broke.
    pub broken_connections: u64,
    /// For how long events were made, seconds.
    pub seconds: f64,
    /// Events made.
    pub made: u64,
    /// Events whose PUBACK came.
    pub acknowledged: u64,
    /// Events whose PUBACK never came.
    pub unacknowledged: u64,
    /// Events that found their gateway's queue full.
    pub overflowed: u64,
    /// Events sent again after a broken connection.
    pub sent_again: u64,
    /// States and healths acknowledged.
    pub notes: u64,
    /// From making to PUBACK, milliseconds: half of the events took no longer.
    pub latency_p50_ms: Option<f64>,
    /// The same for 99 of 100 events.
    pub latency_p99_ms: Option<f64>,
    /// The same for all.
    pub latency_max_ms: Option<f64>,
    /// Why the last connection broke.
    pub last_error: Option<String>,
}

/// Durations in steps of 2 %, from 1 µs up.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    counts: Vec<u64>,
    longest: Duration,
}

// === impl Tally ===

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no holder panics")
    }

    pub(super) fn connected(&self) -> u64 {
        self.counts().connected
    }

    /// A gateway has a connection, for the first time or again.
    pub(super) fn connection(&self, is_first: bool) {
        let mut counts = self.counts();
        counts.connected += u64::from(is_first);
        counts.connections += 1;
    }

    /// A connection has broken, or could not be made.
    pub(super) fn broken(&self, reason: String) {
        let mut counts = self.counts();
        counts.broken += 1;
        counts.last_error = Some(reason);
    }

    pub(super) fn made(&self) {
        self.counts().made += 1;
    }

    pub(super) fn overflowed(&self) {
        self.counts().overflowed += 1;
    }

    pub(super) fn sent_again(&self, events: usize) {
        self.counts().sent_again += events as u64;
    }

    pub(super) fn acknowledged(&self, took: Duration) {
        let mut counts = self.counts();
        counts.acknowledged += 1;
        counts.latencies.note(took);
    }

    pub(super) fn note_acknowledged(&self) {
        self.counts().notes += 1;
    }

    pub(super) fn log_progress(&self) {
        let counts = self.counts();
        tracing::info!(
            connected = counts.connected,
            made = counts.made,
            acknowledged = counts.acknowledged,
            broken_connections = counts.broken,
            last_error = counts.last_error.as_deref(),
            "the fleet is at work"
        );
    }

    pub(super) fn summary(&self, gateways: u32, took: Duration) -> Summary {
        let counts = self.counts();
        let ms = |share| counts.latencies.quantile(share).map(|took| took.as_secs_f64() * 1000.0);
        Summary {
            gateways,
            connected: counts.connected,
            broken_connections: counts.broken,
            seconds: took.as_secs_f64(),
            made: counts.made,
            acknowledged: counts.acknowledged,
            unacknowledged: counts.made - counts.acknowledged,
            overflowed: counts.overflowed,
            sent_again: counts.sent_again,
            notes: counts.notes,
            latency_p50_ms: ms(0.5),
            latency_p99_ms: ms(0.99),
            latency_max_ms: ms(1.0),
            last_error: counts.last_error.clone(),
        }
    }
}

// === impl Latencies ===

impl Latencies {
    /// Steps by which a duration doubles, about.
    const STEPS_PER_E: f64 = 50.0;

    /// One more.
    pub fn note(&mut self, took: Duration) {
        let step = ((took.as_micros().max(1) as f64).ln() * Self::STEPS_PER_E) as usize;
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.longest = self.longest.max(took);
    }

    /// What this share of them did not exceed; none where there are none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.counts.iter().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let upper_us = ((step + 1) as f64 / Self::STEPS_PER_E).exp();
                return Some(Duration::from_micros(upper_us as u64).min(self.longest));
            }
        }
        None
    }
}

// === impl Summary ===

impl Summary {
    /// Every gateway was connected and every event acknowledged.
    pub fn is_good(&self) -> bool {
        self.connected == u64::from(self.gateways) && self.unacknowledged == 0 && self.overflowed == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |value: Option<f64>| value.map_or("—".to_owned(), |ms| format!("{ms:.1} ms"));
        writeln!(
            f,
            "gateways         {} of {} connected, {} broken connections",
            self.connected, self.gateways, self.broken_connections
        )?;
        writeln!(
            f,
            "events           {} made in {:.1} s, {} acknowledged, {} unacknowledged, {} overflowed, {} sent again",
            self.made, self.seconds, self.acknowledged, self.unacknowledged, self.overflowed, self.sent_again
        )?;
        writeln!(f, "state, health    {} acknowledged", self.notes)?;
        write!(
            f,
            "making to PUBACK p50 {}, p99 {}, at most {}",
            ms(self.latency_p50_ms),
            ms(self.latency_p99_ms),
            ms(self.latency_max_ms)
        )?;
        match &self.last_error {
            Some(error) => write!(f, "\nlast error       {error}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_two_percent() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for ms in 1..=1000 {
            latencies.note(Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = latencies.quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!((found / ms - 1.0).abs() < 0.03, "{share}: {found} ms, expected {ms} ms");
        }
    }
}

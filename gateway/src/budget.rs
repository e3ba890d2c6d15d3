//! What the link to the centre may carry, by the class of what is sent: a pure ledger, and a handle to share it.
//!
//! | class | of the day's traffic | of the rate |
//! |---|---|---|
//! | alarm | never waits, is counted | never waits, is counted: others wait longer |
//! | event, state and health | waits when all is used | waits |
//! | still | shrinks from 70 % on, waits from 90 % on | waits |
//! | clip | waits from 50 % on | waits |
//!
//! State and health are counted as events and do not wait: they are how the centre knows that a box is alive. Answers to
//! commands, some hundred bytes each, are not counted; the files that commands ask for are stills and clips, and others
//! go as events. Bytes are topics and payloads with the packet around them; what TCP and TLS add, some 5 %, is not known
//! here.
//!
//! The totals of the day are saved with the outbox each minute and go on after a restart.

mod ledger;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use moshao_config::Budget as Limits;

use self::ledger::{Ledger, Now, Totals};
use crate::metrics::Metrics;
use crate::outbox::{OutboxHandle, SavedState};

/// However long something waits, it asks again after this time: the clock may be set, and midnight come sooner.
pub const ASK_AGAIN: Duration = Duration::from_secs(60);
/// Name of the totals in the outbox.
const STATE_KEY: &str = "traffic";

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Somebody may be in danger.
    Alarm,
    /// Every other event, state and health.
    Event,
    /// A picture.
    Still,
    /// A film.
    Clip,
}

/// Whether something may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Now; it has been counted.
    Now,
    /// Not before this much later; nothing has been counted.
    Wait(Duration),
}

/// The ledger for all who send to the centre. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    ledger: Arc<Mutex<Ledger>>,
    time_zone: TimeZone,
    metrics: Arc<Metrics>,
}

// === impl Class ===

impl Class {
    /// Every class.
    pub const ALL: [Class; 4] = [Class::Alarm, Class::Event, Class::Still, Class::Clip];

    /// The word in metrics and health.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Alarm => "alarm",
            Class::Event => "event",
            Class::Still => "still",
            Class::Clip => "clip",
        }
    }
}

// === impl Budget ===

impl Budget {
    /// Goes on with the totals that were saved, where they are of today.
    pub async fn open(
        limits: Limits,
        time_zone: TimeZone,
        outbox: &OutboxHandle,
        metrics: Arc<Metrics>,
    ) -> Self {
        let saved = match outbox.load_state(STATE_KEY).await {
            Ok(saved) => saved.and_then(|saved| serde_json::from_slice(&saved).ok()),
            Err(error) => {
                tracing::warn!(%error, "today's traffic so far is not known; counting begins anew");
                None
            }
        };
        Self::new(limits, time_zone, saved, metrics)
    }

    /// No limit, nothing saved: for parts of a gateway on their own.
    pub fn unlimited(metrics: Arc<Metrics>) -> Self {
        Self::limited(Limits::default(), TimeZone::UTC, metrics)
    }

    /// Nothing saved: for parts of a gateway on their own.
    pub fn limited(limits: Limits, time_zone: TimeZone, metrics: Arc<Metrics>) -> Self {
        Self::new(limits, time_zone, None, metrics)
    }

    fn new(limits: Limits, time_zone: TimeZone, saved: Option<Totals>, metrics: Arc<Metrics>) -> Self {
        let now = Now::at(Instant::now(), Timestamp::now(), &time_zone);
        let ledger = Ledger::new(limits, &now, saved);
        metrics.uplink.traffic_day_limit_bytes.set(limits.day_bytes.unwrap_or(0) as i64);
        let budget = Budget { ledger: Arc::new(Mutex::new(ledger)), time_zone, metrics };
        budget.show(&budget.lock().totals.clone());
        budget
    }

    /// Whether `bytes` of this class may go now; counts them where they may.
    pub fn admit(&self, class: Class, bytes: u64, mono: Instant) -> Admission {
        let now = Now::at(mono, Timestamp::now(), &self.time_zone);
        let mut ledger = self.lock();
        let admission = ledger.admit(class, bytes, &now);
        self.show(&ledger.totals);
        let waits = i64::from(admission != Admission::Now);
        self.metrics.uplink.traffic_waits.with_label_values(&[class.as_str()]).set(waits);
        if admission == Admission::Now {
            self.metrics.uplink.traffic_bytes.with_label_values(&[class.as_str()]).inc_by(bytes);
        }
        admission
    }

    /// Waits until `bytes` of this class may go, and counts them.
    pub async fn admitted(&self, class: Class, bytes: u64) {
        loop {
            match self.admit(class, bytes, tokio::time::Instant::now().into_std()) {
                Admission::Now => return,
                Admission::Wait(wait) => tokio::time::sleep(wait.min(ASK_AGAIN)).await,
            }
        }
    }

    /// How long `bytes` of this class would wait now; nothing is counted.
    pub fn wait_of(&self, class: Class, bytes: u64, mono: Instant) -> Duration {
        let now = Now::at(mono, Timestamp::now(), &self.time_zone);
        let mut ledger = self.lock();
        ledger.turn(&now);
        match ledger.verdict(class, bytes, &now) {
            Admission::Now => Duration::ZERO,
            Admission::Wait(wait) => wait,
        }
    }

    /// Whether a still of so many bytes should be made smaller before it goes.
    pub fn shrinks(&self, bytes: u64, mono: Instant) -> bool {
        let now = Now::at(mono, Timestamp::now(), &self.time_zone);
        self.lock().shrinks(bytes, &now)
    }

    /// Counts what goes whatever the budget says.
    pub fn count(&self, class: Class, bytes: u64, mono: Instant) {
        let now = Now::at(mono, Timestamp::now(), &self.time_zone);
        let mut ledger = self.lock();
        ledger.count(class, bytes, &now);
        self.show(&ledger.totals);
        self.metrics.uplink.traffic_bytes.with_label_values(&[class.as_str()]).inc_by(bytes);
    }

    /// Saves the totals of the day. The next save makes good for one that fails.
    pub async fn save(&self, outbox: &OutboxHandle) {
        let totals = self.lock().totals;
        let value = serde_json::to_vec(&totals).expect("a date and numbers are JSON");
        if let Err(error) = outbox
            .accept(Vec::new(), Some(SavedState { key: STATE_KEY.to_owned(), value: Some(value) }))
            .await
        {
            tracing::debug!(%error, "today's traffic cannot be saved now");
        }
    }

    fn show(&self, totals: &Totals) {
        let mut totals = *totals;
        for class in Class::ALL {
            let bytes = *totals.of(class) as i64;
            self.metrics.uplink.traffic_day_bytes.with_label_values(&[class.as_str()]).set(bytes);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn parts_of_a_file_go_at_the_rate() {
        let limits = Limits { day_bytes: None, bits_per_second: Some(80_000) };
        let budget = Budget::limited(limits, TimeZone::UTC, Arc::new(Metrics::new()));
        let begin = tokio::time::Instant::now();
        for _ in 0..10 {
            budget.admitted(Class::Clip, 32_000).await;
        }
        // The burst of 20 kB is there at the beginning; then 10 kB a second. The last part is paid off afterwards.
        let took = begin.elapsed();
        assert!((28..=32).contains(&took.as_secs()), "{took:?}");
        let wait = budget.wait_of(Class::Event, 1_000, tokio::time::Instant::now().into_std());
        assert!(wait > Duration::from_secs(1), "{wait:?}");
    }
}

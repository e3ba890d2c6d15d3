//! The driver of the [`ladder`]: reads each second what waits and what is lost, and tells the threads and the parent of
//! each step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Camera;
use super::eye::Due;
use super::ladder::{Ladder, Load, Rung, Step};
use super::link::{FromWorker, Standing};
use super::order::Order;
use super::slots::Slots;
use super::units::Units;

const EVERY: Duration = Duration::from_secs(1);

/// What is watched, and told.
pub(super) struct Balance {
    pub(super) worker: String,
    pub(super) cameras: Arc<[Camera]>,
    pub(super) order: Arc<Order>,
    pub(super) units: Arc<Units>,
    pub(super) pictures: Arc<Slots<Due>>,
    pub(super) reports: mpsc::Sender<FromWorker>,
}

// === impl Balance ===

impl Balance {
    /// Runs until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.run_for_ever()).await;
    }

    async fn run_for_ever(self) {
        // A worker that takes the place of another has not stepped down yet.
        self.tell(Rung::Full, "the worker has begun".to_owned()).await;
        let mut ladder = Ladder::new(self.cameras.len());
        let began = Instant::now();
        let mut asked = began;
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = Instant::now();
            let load = self.load(now - std::mem::replace(&mut asked, now));
            let Some(Step { step, reason }) = ladder.hear(now - began, &load) else { continue };
            self.order.set_step(step);
            let rung = Rung::of(step);
            warn!(step, rung = rung.as_str(), reason, "how much is watched has changed");
            self.tell(rung, reason).await;
        }
    }

    /// The load of the time since the last call.
    fn load(&self, passed: Duration) -> Load {
        let (backlog, demand) = (self.units.backlog(), self.pictures.demand());
        let busy = |waited: Duration| 1.0 - (waited.as_secs_f64() / passed.as_secs_f64().max(0.001)).min(1.0);
        Load {
            oldest: backlog.oldest,
            skipped: backlog.skipped,
            offered: demand.offered,
            replaced: demand.replaced,
            decode_busy: busy(backlog.waited),
            infer_busy: busy(demand.waited),
        }
    }

    async fn tell(&self, rung: Rung, reason: String) {
        let set_aside = self.order.set_aside().map(|camera| self.cameras[camera].job.id.clone()).collect();
        let standing = Standing { worker: self.worker.clone(), rung, set_aside, reason };
        // The receiver is gone only when the worker ends.
        drop(self.reports.send(FromWorker::Standing(standing)).await);
    }
}

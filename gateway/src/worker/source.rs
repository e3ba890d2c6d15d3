//! One stream of a camera: sessions one after the other, their access units handed on.

use std::sync::Arc;
use std::time::Duration;

use retina::client::SessionGroup;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Camera;
use super::held::Held;
use super::link::{FromWorker, StreamState};
use super::reel::Reels;
use super::units::Units;
use crate::camera::AccessUnit;
use crate::camera::backoff::Backoff;
use crate::camera::fault::SessionError;
use crate::camera::rtsp::{Endpoint, Session};

/// Which stream of a camera it is, and where its access units go.
#[derive(Clone)]
pub(super) enum Outlet {
    /// The stream that is looked at: to the decode thread, and held for clips.
    Watched {
        /// What waits for the decode thread.
        units: Arc<Units>,
        /// What clips are read from.
        reels: Arc<Reels>,
    },
    /// The main stream beside it: held, in case that a still is wanted.
    Main(Arc<Held>),
}

/// Feeds an outlet with the access units of one stream for as long as the worker lives.
pub(super) struct Source {
    cameras: Arc<[Camera]>,
    index: usize,
    group: Arc<SessionGroup>,
    outlet: Outlet,
    reports: mpsc::Sender<FromWorker>,
    stop: CancellationToken,
    began: Instant,
    /// Media time of the latest access unit; the next session goes on from there.
    media_time: Duration,
}

/// How a session ended, and how long it had been live (zero where it never was).
struct Ended {
    error: SessionError,
    live_for: Duration,
}

// === impl Source ===

impl Source {
    pub(super) fn new(
        cameras: Arc<[Camera]>,
        index: usize,
        group: Arc<SessionGroup>,
        outlet: Outlet,
        reports: mpsc::Sender<FromWorker>,
        stop: CancellationToken,
    ) -> Self {
        let began = Instant::now();
        Self { cameras, index, group, outlet, reports, stop, began, media_time: Duration::ZERO }
    }

    /// Sessions and waits in between, until asked to stop.
    pub(super) async fn run(mut self) {
        let (stop, dropped) = (self.stop.clone(), self.camera().dropped.clone());
        // Leaving drops the session, which closes it on the camera in the background.
        stop.run_until_cancelled(dropped.run_until_cancelled(self.run_for_ever())).await;
    }

    async fn run_for_ever(&mut self) {
        let mut backoff = Backoff::default();
        loop {
            self.tell(StreamState::Connecting).await;
            let Ended { error, live_for } = self.run_once().await;
            let SessionError { fault, message } = error;
            let retry_in = backoff.delay(self.began.elapsed(), fault, live_for, rand::random());
            // The parent logs it, once for each fault.
            debug!(fault = fault.as_str(), retry_in_ms = retry_in.as_millis() as u64, "{message}");
            self.tell(StreamState::Failed { fault, message, retry_in }).await;
            tokio::time::sleep(retry_in).await;
        }
    }

    /// One session from connecting to its end.
    async fn run_once(&mut self) -> Ended {
        let mut live_since: Option<Instant> = None;
        let outcome = self.watch(&mut live_since).await;
        let live_for = live_since.map(|since| since.elapsed()).unwrap_or_default();
        let Err(error) = outcome;
        Ended { error, live_for }
    }

    async fn watch(
        &mut self,
        live_since: &mut Option<Instant>,
    ) -> Result<std::convert::Infallible, SessionError> {
        let mut session = Session::open(self.endpoint(), &self.group).await?;
        let media_time_before = self.media_time.max(self.began.elapsed());
        let mut size_px = None;
        loop {
            let mut unit = session.next().await?;
            live_since.get_or_insert_with(Instant::now);
            if session.size_px() != size_px {
                size_px = session.size_px();
                self.tell_live(&session).await;
            }
            unit.media_time += media_time_before;
            self.media_time = unit.media_time;
            if unit.is_new_sequence
                && let Outlet::Watched { reels, .. } = &self.outlet
            {
                reels.begin(self.index, session.sample_entry().unwrap_or_default());
            }
            self.camera().counters.clock_offset.set(session.clock_offset_s());
            self.hand_on(unit);
        }
    }

    fn hand_on(&self, unit: AccessUnit) {
        let counters = &self.camera().counters;
        let bytes = unit.data.len() as u64;
        match &self.outlet {
            Outlet::Watched { units, reels } => {
                counters.access_units.add(1);
                counters.key_frames.add(u64::from(unit.is_key));
                counters.torn.add(u64::from(unit.lost_packets > 0));
                counters.bytes.add(bytes);
                counters.lost_packets.add(unit.lost_packets.into());
                reels.push(self.index, &unit);
                counters.skipped.add(units.offer(self.index, unit));
            }
            Outlet::Main(held) => {
                counters.main_bytes.add(bytes);
                held.push(self.index, unit);
            }
        }
    }

    async fn tell_live(&self, session: &Session) {
        let codec = session.codec().as_str().to_owned();
        let (width, height) = session.size_px().unwrap_or_default();
        self.tell(StreamState::Live { codec, width, height }).await;
    }

    async fn tell(&self, state: StreamState) {
        let camera = self.camera().job.id.clone();
        let report = match self.outlet {
            Outlet::Watched { .. } => FromWorker::Stream { camera, state },
            Outlet::Main(_) => FromWorker::MainStream { camera, state },
        };
        // The receiver is gone only when the worker ends.
        drop(self.reports.send(report).await);
    }

    fn endpoint(&self) -> &Endpoint {
        let camera = self.camera();
        match self.outlet {
            Outlet::Watched { .. } => &camera.endpoint,
            Outlet::Main(_) => {
                camera.main.as_ref().expect("a source of a main stream is made where there is one")
            }
        }
    }

    fn camera(&self) -> &Camera {
        &self.cameras[self.index]
    }
}

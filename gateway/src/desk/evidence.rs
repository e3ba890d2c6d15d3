//! The desk's part in evidence: which stills and clips a change wants, and telling what has been kept.

use std::collections::BTreeSet;
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::{error, warn};

use super::Desk;
use super::orders::reply;
use crate::clock::Moment;
use crate::disposition::Disposition;
use crate::event::{Evidence, Phase};
use crate::evidence::best::{Still, promise, promise_of};
use crate::evidence::{ClipKept, Order, Purpose, StoreError, Want};
use crate::incident::Change;
use crate::rules::Source;
use crate::worker::link::Observation;

// === impl Desk ===

impl Desk {
    /// Asks for what a change wants: a still of the picture that showed it and a clip, or of what linked cameras see.
    pub(super) fn ask_for_evidence(&mut self, change: &Change, picture: Option<u64>) {
        let is_news = matches!(change.phase, Phase::Opened | Phase::Confirmed | Phase::Reopened);
        if !is_news || change.incident.rule.category == moshao_config::Category::Device {
            return;
        }
        let cameras: BTreeSet<String> = self.places.cameras(&change.source);
        for camera in cameras {
            self.ask_for_still(change, &camera, picture);
            if self.wants_clip(change) {
                self.order_clip(change, camera);
            }
        }
    }

    fn ask_for_still(&mut self, change: &Change, camera: &str, picture: Option<u64>) {
        let (picture, subjects) = if change.source == Source::Camera(camera.to_owned()) {
            (picture, change.incident.objects.iter().map(|object| object.area).collect())
        } else {
            (None, Vec::new())
        };
        let promise = if picture.is_some() { promise_of(&change.incident.objects) } else { 0.0 };
        let purpose = Purpose::Event { promise };
        let want = Want { incident: change.incident.id.clone(), camera: camera.to_owned(), purpose };
        let request = self.wanted.ask(want, picture, subjects);
        if !self.workers.take_still(request) {
            self.metrics.evidence.missed.with_label_values(&["worker-busy"]).inc();
        }
    }

    fn wants_clip(&self, change: &Change) -> bool {
        match change.source {
            Source::Camera(_) => self.evidence.policy().clip_levels.contains(&change.incident.level),
            Source::Sensor(_) => self.evidence.policy().clip_linked,
            Source::Gateway(_) => false,
        }
    }

    fn order_clip(&mut self, change: &Change, camera: String) {
        let ms = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let policy = self.evidence.policy();
        let order = Order {
            incident: change.incident.id.clone(),
            source: Source::Camera(camera.clone()),
            from_unix_ms: change.origin_unix_ms - ms(policy.pre_roll),
            until_unix_ms: change.origin_unix_ms + ms(policy.post_roll),
            camera,
            answer: None,
        };
        if !self.recorder.order(order) {
            self.metrics.evidence.missed.with_label_values(&["too-many-clips"]).inc();
            warn!(
                incident = change.incident.id,
                "too many clips are ordered at once, this one is not recorded"
            );
        }
    }

    /// A still has come from a worker, or word that there is none.
    pub(super) async fn still(&mut self, now: Moment, request: u64, still: Option<Still>, sharpness: f32) {
        let Some(Want { incident, camera, purpose }) = self.wanted.take(request) else { return };
        let Some(still) = still else {
            if let Purpose::Command(answer) = purpose {
                reply(answer, Err("the camera has no picture; is it connected?".to_owned()));
            }
            self.metrics.evidence.missed.with_label_values(&["no-picture"]).inc();
            return;
        };
        let key = (incident, camera);
        match purpose {
            Purpose::Event { promise } => {
                self.best.first(now.mono, key.clone(), promise, sharpness);
                self.keep_still(now, key, &still, promise > 0.0).await;
            }
            Purpose::Better { promise } => {
                self.best.came(now.mono, &key, (promise, sharpness), still);
            }
            Purpose::Command(answer) => {
                let kept = self.store_still(&key, &still);
                reply(answer, kept.map_err(|error| error.to_string()));
            }
        }
    }

    /// Asks for a still of this picture where it promises more of an open incident than those before.
    pub(super) fn look_for_better(&mut self, now: Moment, seen: &Observation) {
        let source = Source::Camera(seen.camera.clone());
        let mut wants = Vec::new();
        for incident in self.judge.open().iter().filter(|incident| incident.is_seen_by(&source)) {
            let labels: BTreeSet<&str> =
                incident.objects.iter().map(|object| object.label.as_str()).collect();
            let shown = || seen.tracks.iter().filter(|track| labels.contains(track.label.as_str()));
            let promise = promise(shown().map(|track| (&track.area, track.score)));
            let key = (incident.id.clone(), seen.camera.clone());
            if self.best.asks(now.mono, &key, promise) {
                let subjects: Vec<[f32; 4]> = shown().map(|track| track.area).collect();
                let (incident, camera) = key;
                wants.push((Want { incident, camera, purpose: Purpose::Better { promise } }, subjects));
            }
        }
        for (want, subjects) in wants {
            let request = self.wanted.ask(want, Some(seen.picture), subjects);
            // Where the worker is busy, the picture before has to do.
            self.workers.take_still(request);
        }
    }

    /// Tells the better stills that have settled.
    pub(super) async fn tell_better(&mut self, now: Moment) {
        if self.best.is_empty() {
            return;
        }
        let open: BTreeSet<&str> = self.judge.open().iter().map(|incident| incident.id.as_str()).collect();
        let due = self.best.due(now.mono, |incident| open.contains(incident));
        for (key, still) in due {
            self.keep_still(now, key, &still, true).await;
        }
    }

    /// Keeps a still for an incident and tells it.
    async fn keep_still(&mut self, now: Moment, key: (String, String), still: &Still, best: bool) {
        match self.store_still(&key, still) {
            Ok(kept) => {
                let (incident, camera) = key;
                let kept = Evidence { best, ..kept };
                let change = self.judge.attach(now, &incident, &Source::Camera(camera), kept);
                self.tell(now, change.into_iter().collect(), None).await;
            }
            Err(error) => {
                self.metrics.evidence.missed.with_label_values(&["disk"]).inc();
                error!(camera = key.1, %error, "a still is lost");
            }
        }
    }

    /// Keeps an incident's evidence, or lets it go, where a disposition says so. Said again, it changes nothing.
    pub(super) fn hold(&self, told: &Disposition) {
        let (Some(hold), Some(incident)) = (told.hold, self.judge.incident_of(&told.event_id)) else {
            return;
        };
        let by = told.by.as_deref().unwrap_or("centre");
        let why = told.note.as_deref().or(told.case_id.as_deref()).unwrap_or("disposition");
        let done = match (hold, self.evidence.is_held(&incident)) {
            (true, false) => self.evidence.hold(&incident, by, why).map(drop),
            (false, true) => self.evidence.release(&incident, by, why).map(drop),
            _ => Ok(()),
        };
        if let Err(error) = done {
            error!(incident, %error, "a legal hold cannot be written to disk; check free space of gateway.data_dir");
        }
    }

    fn store_still(
        &self,
        (incident, camera): &(String, String),
        still: &Still,
    ) -> Result<Evidence, StoreError> {
        let stored = self.evidence.store().keep_still(incident, &still.jpeg)?;
        self.metrics.evidence.stills.inc();
        let taken = Timestamp::from_millisecond(still.taken_unix_ms).unwrap_or(self.clock.now().wall);
        let kept = stored.evidence(true, taken, self.evidence.store().zone());
        Ok(Evidence { camera: Some(camera.clone()), stream: still.stream, ..kept })
    }

    /// A clip is on disk.
    pub(super) async fn clip(&mut self, kept: ClipKept) {
        let now = self.clock.now();
        let change = self.judge.attach(now, &kept.incident, &kept.source, kept.evidence);
        self.tell(now, change.into_iter().collect(), None).await;
    }

    /// Removes what is past its time, or beyond its quota; nobody waits for it.
    pub(super) fn tidy(&self) {
        let archive = self.evidence.clone();
        drop(tokio::task::spawn_blocking(move || archive.tidy(SystemTime::now())));
    }
}

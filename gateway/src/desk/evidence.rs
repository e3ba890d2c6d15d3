//! The desk's part in evidence: which stills and clips a change wants, and telling what has been kept.

use std::collections::BTreeSet;
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::{error, warn};

use super::Desk;
use super::orders::reply;
use crate::clock::Moment;
use crate::disposition::Disposition;
use crate::event::{Evidence, Phase, StreamName};
use crate::evidence::{ClipKept, Order, Want};
use crate::incident::Change;
use crate::rules::Source;

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
        let want = Want { incident: change.incident.id.clone(), camera: camera.to_owned(), answer: None };
        let request = self.wanted.ask(want, picture, subjects);
        if !self.workers.take_still(request) {
            self.metrics.evidence_missed.with_label_values(&["worker-busy"]).inc();
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
            self.metrics.evidence_missed.with_label_values(&["too-many-clips"]).inc();
            warn!(
                incident = change.incident.id,
                "too many clips are ordered at once, this one is not recorded"
            );
        }
    }

    /// A still has come from a worker, or word that there is none.
    pub(super) async fn still(
        &mut self,
        now: Moment,
        request: u64,
        jpeg: Option<Vec<u8>>,
        (taken_unix_ms, stream): (i64, Option<StreamName>),
    ) {
        let Some(want) = self.wanted.take(request) else { return };
        let Some(jpeg) = jpeg else {
            if let Some(answer) = want.answer {
                reply(answer, Err("the camera has no picture; is it connected?".to_owned()));
            }
            self.metrics.evidence_missed.with_label_values(&["no-picture"]).inc();
            return;
        };
        let taken = Timestamp::from_millisecond(taken_unix_ms).unwrap_or(now.wall);
        match self.evidence.store().keep_still(&want.incident, &jpeg) {
            Ok(stored) => {
                self.metrics.evidence_stills.inc();
                let kept = stored.evidence(true, taken, self.evidence.store().zone());
                let kept = Evidence { camera: Some(want.camera.clone()), stream, ..kept };
                if let Some(answer) = want.answer {
                    return reply(answer, Ok(kept));
                }
                let source = Source::Camera(want.camera);
                let change = self.judge.attach(now, &want.incident, &source, kept);
                self.tell(now, change.into_iter().collect(), None).await;
            }
            Err(error) => {
                self.metrics.evidence_missed.with_label_values(&["disk"]).inc();
                error!(camera = want.camera, %error, "a still is lost");
                if let Some(answer) = want.answer {
                    reply(answer, Err(error.to_string()));
                }
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

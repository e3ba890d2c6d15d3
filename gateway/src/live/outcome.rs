//! What became of a change: kept, gone forward, gone back; told, counted, shown, and remembered beside the file.

use jiff::Timestamp;
use tracing::{error, info, warn};

use super::fall::Fall;
use super::files::Version;
use super::start::Instead;
use super::told::News;
use super::trial::{Part, Trial};
use super::{Live, Next, OnTrial, Shown};
use crate::outbox::OutboxHandle;

// === impl Live ===

impl Live {
    /// What runs is good.
    pub(super) fn keep(&mut self) {
        info!("the configuration has run through its trial and is kept as the last good one");
        (self.trial, self.change) = (None, None);
        self.count("kept");
        self.files.keep_good(&self.running.text);
        self.good = Some(self.running.clone());
        (self.state.on_trial, self.state.starts) = (String::new(), 0);
        self.keep_state();
        self.show();
    }

    pub(super) async fn went_forward(&mut self, next: Next, outbox: &OutboxHandle) {
        let Next { version, by, difference, before, .. } = next;
        info!(by, sha256 = version.sha256(), "the configuration has been changed: {difference}");
        let now = self.begin.elapsed();
        // The one that ran says how long: a new one cannot do away with its own trial.
        let lasting = self.running.config.change.trial;
        let touched = |part: &Part| match part {
            Part::Camera(id) => difference.restarted.contains(id),
            Part::SensorBroker => difference.renews_sensors && version.config.sensor_broker.is_some(),
            Part::Centre => true,
        };
        let exists = |part: &Part| match part {
            Part::Camera(id) => version.config.cameras.iter().any(|camera| camera.id == *id),
            Part::SensorBroker => version.config.sensor_broker.is_some(),
            Part::Centre => true,
        };
        let on_trial = self.trial.iter().flat_map(Trial::watched).filter(|part| exists(part));
        let watched: Vec<Part> =
            before.well.iter().filter(|part| touched(part)).chain(on_trial).cloned().collect();
        let mut trial = Trial::begin(now, lasting, watched, before.deaths);
        if self.deaths.1.is_some_and(|last| now.saturating_sub(last) < lasting) {
            trial = trial.without_workers();
        }
        let former = std::mem::replace(&mut self.running, version);
        self.good.get_or_insert(former);
        self.trial = Some(trial);
        self.change = Some(format!("by {by}: {difference}"));
        self.instead = None;
        (self.state.on_trial, self.state.starts) = (self.running.sha256(), 1);
        self.count("applied");
        let note = format!("by {by}: {difference}; watched for {} s before it is kept", lasting.as_secs());
        self.tell(News::Applied, outbox, &note).await;
        self.show();
    }

    pub(super) async fn went_back(&mut self, version: Version, outbox: &OutboxHandle, fall: Fall) {
        if let Err(error) = self.files.go_back(&version.text) {
            warn!(%error, "what has failed still stands in the file, and the next start will find it there");
        }
        self.considered = self.files.sha256();
        self.running = version;
        (self.trial, self.change) = (None, None);
        (self.state.on_trial, self.state.starts) = (String::new(), 0);
        let note =
            format!("{fall}; what has failed is put aside as NAME.failed beside the configuration file");
        self.instead = Some(Instead::RolledBack(fall));
        self.count("rolled-back");
        self.tell(News::RolledBack, outbox, &note).await;
        self.show();
    }

    /// A stop in order is no death.
    pub(super) fn stopped(&mut self) {
        if self.trial.is_some() {
            self.state.starts = 0;
            self.keep_state();
        }
    }

    pub(super) async fn tell_start(&mut self, outbox: &OutboxHandle) {
        let (news, note) = match &self.instead {
            None => return,
            Some(Instead::Refused(reason)) => (News::Refused, reason.clone()),
            Some(Instead::RolledBack(fall)) => (News::RolledBack, fall.to_string()),
        };
        error!("the gateway runs with the last good configuration, not with the file: {note}");
        self.count(if news == News::Refused { "refused" } else { "rolled-back" });
        self.tell(news, outbox, &format!("at the start: {note}")).await;
    }

    pub(super) async fn tell(&mut self, news: News, outbox: &OutboxHandle, note: &str) {
        let trouble = self.state.trouble.take();
        self.state.trouble = news.tell(outbox, &self.running.config, trouble, note).await;
        self.keep_state();
    }

    fn keep_state(&self) {
        if let Err(error) = self.files.keep_state(&self.state) {
            warn!(%error, "the state of the configuration cannot be kept beside its file: the gateway's user must be able to write there");
        }
    }

    pub(super) fn count(&self, outcome: &str) {
        self.metrics.config.changes.with_label_values(&[outcome]).inc();
    }

    pub(super) fn show(&self) {
        let state = match (&self.trial, &self.instead) {
            (Some(_), _) => "trial",
            (None, Some(Instead::RolledBack(_))) => "rolled-back",
            (None, Some(Instead::Refused(_))) => "refused",
            (None, None) => "good",
        };
        let (note, fall) = match &self.instead {
            None => (None, None),
            Some(Instead::Refused(reason)) => (Some(reason.clone()), None),
            Some(Instead::RolledBack(fall)) => (Some(fall.to_string()), Some(fall.clone())),
        };
        let sha256 = self.running.sha256();
        let bundle = self.state.bundle.filter(|_| self.state.bundle_sha256 == sha256);
        let trial = self.trial.as_ref().map(|trial| self.on_trial(trial));
        self.metrics.config.show(state, &sha256, bundle);
        self.handle.standing().show(Shown { state, sha256, bundle, note, fall, trial });
    }

    fn on_trial(&self, trial: &Trial) -> OnTrial {
        let left = trial.until().saturating_sub(self.begin.elapsed());
        OnTrial {
            until: Timestamp::now().checked_add(left).unwrap_or(Timestamp::MAX),
            change: self.change.clone(),
            has_way_back: self.good.as_ref().is_some_and(|good| good.text != self.running.text),
        }
    }
}

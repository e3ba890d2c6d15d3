//! What leaves the desk: changes become events, handed to the outbox together with the state that they led to.
//!
//! Events that the outbox cannot take now (a full or broken disk) wait here, at most `UNACCEPTED_MAX`, and are offered
//! again with every turn; the oldest that is no alarm goes first when they are too many, counted as lost and declared when
//! the outbox takes something again (`overflow`).

use tracing::{debug, error, info, warn};

use super::Desk;
use crate::clock::Moment;
use crate::event::{Phase, Stage};
use crate::incident::Change;
use crate::incident::tell::tell;
use crate::outbox::{Class, NewEvent, Origin, OriginSource, Sequence, Site};
use crate::rules::Source;

/// Events that wait here while the outbox takes none.
const UNACCEPTED_MAX: usize = 1000;

// === impl Desk ===

impl Desk {
    /// Asks for the stills that the changes want, and hands their events to the outbox.
    pub(super) async fn tell(&mut self, now: Moment, changes: Vec<Change>, picture: Option<u64>) {
        if changes.is_empty() {
            return;
        }
        for change in &changes {
            info!(
                incident = change.incident.id,
                phase = ?change.phase,
                code = change.incident.rule.code,
                level = change.incident.level,
                source = ?change.source,
                note = change.note,
                "{}",
                change.incident.rule.title
            );
            for camera in &change.look_at {
                self.look(camera);
            }
            if change.phase == Phase::Escalated {
                self.metrics.incident.escalated.inc();
            }
            self.ask_for_evidence(change, picture);
        }
        let events = changes.iter().map(|change| self.new_event(now, change));
        let events: Vec<NewEvent> = events.collect();
        self.unaccepted.extend(events);
        self.note_open();
        self.offer().await;
    }

    fn new_event(&self, now: Moment, change: &Change) -> NewEvent {
        let telling = tell(&self.config, now, change);
        let source = match change.source {
            Source::Camera(_) => OriginSource::Picture,
            // Nobody waits for a reading here; of the gateway's own health there is no beginning to be timed.
            Source::Sensor(_) | Source::Gateway(_) => OriginSource::Reading,
        };
        // Only a beginning has a picture or reading that somebody waits for.
        let origin = matches!(change.phase, Phase::Opened | Phase::Confirmed | Phase::Reopened)
            .then_some(Origin { source, unix_ms: change.origin_unix_ms });
        let class = if change.incident.level <= 2 { Class::Alarm } else { Class::Event };
        NewEvent { class, topic: telling.topic, event: telling.event, origin }
    }

    pub(super) fn note_open(&self) {
        let open = self.judge.open();
        self.metrics.incident.open.set(open.len() as i64);
        let waiting = open.iter().filter(|incident| incident.stage == Stage::Open && incident.level <= 3);
        self.metrics.incident.unacknowledged.set(waiting.count() as i64);
    }

    /// Offers what waits to the outbox, together with the state that it led to.
    pub(super) async fn offer(&mut self) {
        if self.unaccepted.is_empty() {
            self.answer();
            return;
        }
        let unsaved = self.judge.unsaved();
        let declaration = self.overflow.declaration(&Site::of(&self.config), self.clock.now().wall);
        let events: Vec<NewEvent> = declaration.into_iter().chain(self.unaccepted.iter().cloned()).collect();
        match self.outbox.accept(events, unsaved.values()).await {
            Ok(sequences) => {
                self.judge.saved(unsaved);
                self.note_epoch(&sequences).await;
                let declared = sequences.len() - self.unaccepted.len();
                self.window.accepted(self.unaccepted.make_contiguous(), &sequences[declared..]);
                self.unaccepted.clear();
                self.overflow.declared();
                self.answer();
                if std::mem::take(&mut self.refused) {
                    info!("the outbox takes events again");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.refused, true) {
                    error!(%error, waiting = self.unaccepted.len(), "the outbox takes no events, they wait in memory");
                }
                while self.unaccepted.len() > UNACCEPTED_MAX {
                    let least = self.unaccepted.iter().position(|new| new.class == Class::Event).unwrap_or(0);
                    if let Some(lost) = self.unaccepted.remove(least) {
                        self.overflow.lose(lost.class, self.clock.now().wall);
                    }
                    self.metrics.events.lost.with_label_values(&["storage"]).inc();
                }
            }
        }
    }

    /// Where the outbox has begun a new file, what was in the old one may not have been saved from it: all is written again.
    async fn note_epoch(&mut self, accepted: &[Sequence]) {
        let Some(epoch) = accepted.last().map(|sequence| sequence.epoch()) else { return };
        if self.epoch.replace(epoch).is_some_and(|before| before != epoch) {
            self.judge.forget_saved();
            if let Err(error) = self.save().await {
                warn!(%error, "the state of incidents is written into the new outbox with the next event");
            }
        }
    }

    /// What the centre waits for is on disk.
    fn answer(&mut self) {
        for done in self.answers.drain(..) {
            if done.send(()).is_err() {
                debug!("the connection that brought a disposition has gone; it will come again");
            }
        }
    }
}

//! What is counted and told of deliveries and refusals.

use jiff::Timestamp;

use super::refusal::Refusal;
use super::wire::Ack;
use super::{Delivered, Settings};
use crate::event::Phase;
use crate::incident::tell::new_id;
use crate::metrics::Metrics;
use crate::outbox::{Announcement, NewEvent, Site, Waiting};

/// Level of what the uplink tells: orange. Events do not reach the centre.
const LEVEL: u8 = 2;

/// The broker has this event.
pub(super) fn delivered(settings: &Settings, waiting: &Waiting, answer: Ack) {
    let metrics = &settings.metrics;
    let acknowledged_unix_ms = Timestamp::now().as_millisecond();
    metrics.events.delivered.inc();
    if answer == Ack::Unheard {
        metrics.events.unheard.inc();
    }
    if let Some(origin) = waiting.origin {
        let seconds = (acknowledged_unix_ms - origin.unix_ms).max(0) as f64 / 1000.0;
        metrics.events.source_to_puback_seconds.with_label_values(&[origin.source.as_str()]).observe(seconds);
    }
    if let Some(on_delivered) = &settings.on_delivered {
        on_delivered(&Delivered {
            sequence: waiting.sequence,
            accepted_unix_ms: waiting.accepted_unix_ms,
            origin: waiting.origin,
            acknowledged_unix_ms,
        });
    }
}

/// The broker has answered about the state or the health of the box.
pub(super) fn note(metrics: &Metrics, answer: Ack) {
    if let Ack::Refused(refusal) = answer {
        metrics.uplink.refused.with_label_values(&[refusal.as_str()]).inc();
        tracing::warn!(reason = refusal.as_str(), "the broker refuses the state or the health of this box");
    }
}

/// The event that says that a whole topic is refused.
pub(super) fn refused_topic(site: &Site, topic: &str, refusal: Refusal, now: Timestamp) -> NewEvent {
    let id = new_id(now);
    let announcement = Announcement {
        id: id.clone(),
        correlation: id,
        kind: "topic-refused",
        subject: "uplink".to_owned(),
        code: "UPLINK_REFUSED",
        title: "中心拒收该类事件",
        level: LEVEL,
        phase: Phase::Opened,
        happened: None,
        measure: None,
        note: format!(
            "the centre's broker refuses {topic} ({}): its events wait on this box and are tried again every few minutes; \
             check the broker's access list",
            refusal.as_str()
        ),
    };
    announcement.into_event(site, now)
}

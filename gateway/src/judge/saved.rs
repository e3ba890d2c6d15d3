//! What of the judge survives a restart: its incidents, the memory of its rules, the orders of the centre.
//!
//! It is put on disk in the same transaction as the events that led to it: [`Judge::unsaved`], and [`Judge::saved`] when that
//! has been committed.

use serde::{Deserialize, Serialize};

use super::Judge;
use crate::clock::Moment;
use crate::incident::orders::Orders;
use crate::incident::saved::{Changed, Head};
use crate::outbox::SavedState;
use crate::rules::{Memory, Source};

/// Name of the value that holds what is no incident. An incident's is this, a slash, and its id.
pub const STATE_KEY: &str = "incidents";

/// What is not on disk yet.
#[derive(Debug)]
pub struct Unsaved {
    rest: Rest,
    incidents: Vec<Changed>,
}

/// What is no incident.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Rest {
    #[serde(default)]
    incidents: Head,
    #[serde(default)]
    rules: Memory,
    #[serde(default)]
    orders: Orders,
}

/// A value that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {error}")]
pub struct Unreadable {
    /// Its name.
    pub key: String,
    /// What is wrong with it.
    pub error: serde_json::Error,
}

// === impl Judge ===

impl Judge {
    /// What has to be put on disk now.
    pub fn unsaved(&self) -> Unsaved {
        let rest =
            Rest { incidents: self.incidents.head(), rules: self.rules.save(), orders: self.orders.clone() };
        Unsaved { rest, incidents: self.incidents.changed() }
    }

    /// It is on disk, and nothing has happened meanwhile.
    pub fn saved(&mut self, unsaved: Unsaved) {
        self.incidents.saved(unsaved.incidents);
    }

    /// Nothing is known to be on disk any more: all is to be put there again.
    pub fn forget_saved(&mut self) {
        self.incidents.forget_saved();
    }

    /// Takes up the values of [`Unsaved::values`], by their names, and with the incidents the conditions that were true.
    ///
    /// Returns what cannot be read: it is forgotten.
    pub fn restore(&mut self, now: Moment, values: &[(String, Vec<u8>)]) -> Vec<Unreadable> {
        let mut unreadable = Vec::new();
        let rest = values.iter().find(|(key, _)| key == STATE_KEY);
        let rest = rest.map(|(key, value)| {
            serde_json::from_slice::<Rest>(value).map_err(|error| Unreadable { key: key.clone(), error })
        });
        let rest = match rest {
            Some(Ok(rest)) => rest,
            Some(Err(error)) => {
                unreadable.push(error);
                Rest::default()
            }
            None => Rest::default(),
        };
        let incidents = values.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix(STATE_KEY)?.strip_prefix('/')?, value.as_slice()))
        });
        let lost = self.incidents.restore(now, rest.incidents, incidents);
        unreadable.extend(lost.into_iter().map(|(id, error)| Unreadable { key: key_of(&id), error }));
        self.rules.restore_memory(rest.rules);
        self.orders = rest.orders;
        self.orders.expire(now.wall);
        self.incidents.order_modes(&self.orders);
        self.forget_unwatched(now);
        self.restore_conditions(now);
        unreadable
    }

    /// What was true of open incidents, and of closed ones that go on, is true still.
    fn restore_conditions(&mut self, now: Moment) {
        let remembered = self.incidents.open().iter().chain(self.incidents.closed());
        for member in remembered.flat_map(|incident| &incident.members).filter(|member| member.active) {
            self.rules.restore(now, &member.rule, &member.source);
            match &member.source {
                Source::Camera(id) => {
                    let streams = [self.streams.get_mut(id), self.main_streams.get_mut(id)];
                    streams.into_iter().flatten().for_each(|health| health.restore(now, &member.rule));
                    self.quality.restore_told(id, &member.rule);
                }
                Source::Gateway(part) => {
                    let worker = self.workers.get_mut(part);
                    worker.into_iter().for_each(|health| health.restore(now, &member.rule));
                }
                Source::Sensor(_) => {}
            }
        }
    }
}

// === impl Unsaved ===

impl Unsaved {
    /// As values of the outbox.
    pub fn values(&self) -> Vec<SavedState> {
        let rest = serde_json::to_vec(&self.rest).expect("it has string keys only, which JSON can hold");
        let rest = SavedState { key: STATE_KEY.to_owned(), value: Some(rest) };
        let incidents = self.incidents.iter().map(|(id, incident)| SavedState {
            key: key_of(id),
            value: incident.as_ref().map(|incident| incident.to_saved()),
        });
        std::iter::once(rest).chain(incidents).collect()
    }
}

fn key_of(incident: &str) -> String {
    format!("{STATE_KEY}/{incident}")
}

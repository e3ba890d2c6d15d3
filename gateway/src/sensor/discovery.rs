//! Devices that have announced themselves: which value of which sensor stands on which topic, besides the topics of the
//! configuration.
//!
//! After a restart the broker may deliver what devices have said meanwhile before it repeats what they have announced, so
//! messages on topics that nobody knows yet are held for a while, up to a limit, and read once their topic is announced.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use moshao_config::Quantity;

use super::home_assistant::{self, Entity, PresenceMode, Wanted};
use super::message::{Message, number};
use super::pointer::Pointer;
use super::reading::{Reading, Refused, Why};

/// Most announcements remembered: they come from outside.
pub(super) const ANNOUNCEMENTS_MAX: usize = 10_000;
/// Most messages held for topics that nobody knows yet, and the largest of them, bytes.
const HELD_MAX: usize = 1000;
const HELD_BYTES_MAX: usize = 4096;

/// Everything that has been announced.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    announced: HashMap<Announcement, Known>,
    /// By the topic that is listened to.
    ears: HashMap<String, Vec<Ear>>,
    /// By instance: which announcement says which of its values; there can be one for each.
    taken: HashMap<String, BTreeMap<Quantity, Announcement>>,
    presence: HashMap<String, Presence>,
    /// Topics to be subscribed to.
    fresh: Vec<String>,
    held: VecDeque<Held>,
}

/// Where an announcement came, and which sensor of the configuration takes it.
type Announcement = (String, usize);

#[derive(Debug)]
struct Known {
    instance: String,
    entity: Entity,
}

/// What is listened for on a topic.
#[derive(Debug)]
struct Ear {
    of: Announcement,
    instance: String,
    pointer: Pointer,
    words: Vec<(String, f64)>,
    says: Says,
}

#[derive(Debug)]
enum Says {
    /// This value: times this, plus that.
    Value(Quantity, f64, f64),
    /// Whether the device is there.
    Presence(PresenceMode),
}

/// Whether a device is there, as its topics say.
#[derive(Debug, Default)]
struct Presence {
    said: BTreeMap<String, bool>,
    away: bool,
}

#[derive(Debug)]
struct Held {
    topic: String,
    payload: Vec<u8>,
    received: Timestamp,
}

// === impl Discovery ===

impl Discovery {
    /// Takes note of an announcement for the sensor at `config_index`; an empty one takes it back. Returns what is known
    /// already of the topics that it names.
    ///
    /// # Errors
    /// It cannot be read, or says what another one says already.
    pub(super) fn learn(
        &mut self,
        announcement: Announcement,
        instance: String,
        wanted: &Wanted,
        message: &Message<'_>,
    ) -> Result<Vec<Result<Reading, Refused>>, Why> {
        let entity = match message {
            Message::Bad(Why::Empty) => None,
            Message::Bad(why) => return Err(why.clone()),
            Message::Text(_) => return Err(Why::NotJson),
            Message::Json(announced) => home_assistant::read(&announcement.0, announced, wanted)?,
        };
        if self.announced.get(&announcement).map(|known| &known.entity) == entity.as_ref() {
            // Repeated, as at every connection; or none of ours.
            return Ok(Vec::new());
        }
        self.forget(&announcement);
        let Some(entity) = entity else { return Ok(Vec::new()) };
        let taken = self.taken.get(&instance).and_then(|taken| taken.get(&entity.quantity));
        if let Some((other, _)) = taken {
            return Err(Why::Announcement(format!(
                "{other} announces the {} of the same sensor; capture more levels of `topic`",
                entity.quantity
            )));
        }
        if self.announced.len() >= ANNOUNCEMENTS_MAX {
            return Err(Why::TooManySensors { limit: ANNOUNCEMENTS_MAX });
        }
        self.taken.entry(instance.clone()).or_default().insert(entity.quantity, announcement.clone());
        let mut topics = self.listen(&announcement, &instance, &entity);
        topics.sort_unstable();
        topics.dedup();
        self.announced.insert(announcement, Known { instance, entity });
        Ok(topics.iter().flat_map(|topic| self.release(topic)).collect())
    }

    /// Sets up an ear for each topic of an entity, and returns these.
    fn listen(&mut self, of: &Announcement, instance: &str, entity: &Entity) -> Vec<String> {
        let ear = |pointer: &str, words: &[(String, f64)], says: Says| Ear {
            of: of.clone(),
            instance: instance.to_owned(),
            pointer: Pointer::new(pointer),
            words: words.to_vec(),
            says,
        };
        let says = Says::Value(entity.quantity, entity.scale, entity.offset);
        let mut ears = vec![(&entity.topic, ear(&entity.pointer, &entity.words, says))];
        ears.extend(entity.presence.iter().map(|presence| {
            (&presence.topic, ear(&presence.pointer, &presence.words, Says::Presence(entity.mode)))
        }));
        let mut topics = Vec::new();
        for (topic, ear) in ears {
            if !self.ears.contains_key(topic) {
                self.fresh.push(topic.clone());
            }
            self.ears.entry(topic.clone()).or_default().push(ear);
            topics.push(topic.clone());
        }
        topics
    }

    /// An announcement has been taken back.
    fn forget(&mut self, announcement: &Announcement) {
        let Some(Known { instance, entity }) = self.announced.remove(announcement) else { return };
        if let Some(taken) = self.taken.get_mut(&instance) {
            taken.remove(&entity.quantity);
            if taken.is_empty() {
                self.taken.remove(&instance);
                self.presence.remove(&instance);
            }
        }
        let presence = entity.presence.iter().map(|presence| &presence.topic);
        for topic in std::iter::once(&entity.topic).chain(presence) {
            if let Some(ears) = self.ears.get_mut(topic) {
                ears.retain(|ear| ear.of != *announcement);
                if ears.is_empty() {
                    self.ears.remove(topic);
                }
            }
        }
    }

    /// Whether anything has been announced of a sensor.
    pub(super) fn has(&self, instance: &str) -> bool {
        self.taken.contains_key(instance)
    }

    /// Whether a topic has been announced.
    pub(super) fn knows(&self, topic: &str) -> bool {
        self.ears.contains_key(topic)
    }

    /// The readings in a message on an announced topic.
    pub(super) fn hear(
        &mut self,
        topic: &str,
        message: &Message<'_>,
        received: Timestamp,
    ) -> Vec<Result<Reading, Refused>> {
        let Discovery { ears, presence, .. } = self;
        let ears = ears.get(topic).map(Vec::as_slice).unwrap_or_default();
        let mut outcomes = Vec::with_capacity(ears.len());
        for ear in ears {
            let value = message.at(&ear.pointer).and_then(|value| number(&value, &ear.words));
            let said = match (value, &ear.says) {
                (Ok(value), Says::Value(quantity, scale, offset)) => {
                    Ok(Some((*quantity, value * scale + offset)))
                }
                (Ok(value), Says::Presence(mode)) => {
                    let presence = presence.entry(ear.instance.clone()).or_default();
                    Ok(presence
                        .hear(topic, value != 0.0, *mode)
                        .map(|there| (Quantity::Present, f64::from(there))))
                }
                // Devices leave out what they do not have; the sensor's own value may not be missing.
                (Err(Why::NoValue(_)), Says::Value(quantity, ..)) if *quantity != Quantity::Value => Ok(None),
                (Err(why), _) => Err(why),
            };
            match said {
                Ok(None) => {}
                Ok(Some((_, value))) if !value.is_finite() => outcomes.push(Err(ear.refused(Why::NotFinite))),
                Ok(Some((quantity, value))) => outcomes.push(Ok(Reading {
                    sensor: ear.instance.clone(),
                    config_index: ear.of.1,
                    quantity,
                    value,
                    received,
                    device_time: None,
                })),
                Err(why) => outcomes.push(Err(ear.refused(why))),
            }
        }
        outcomes
    }

    /// Keeps a message on a topic that nobody knows yet.
    pub(super) fn hold(&mut self, topic: &str, payload: &[u8], received: Timestamp) {
        if payload.len() > HELD_BYTES_MAX {
            return;
        }
        if self.held.len() == HELD_MAX {
            self.held.pop_front();
        }
        self.held.push_back(Held { topic: topic.to_owned(), payload: payload.to_vec(), received });
    }

    /// The readings in what was held for a topic.
    fn release(&mut self, topic: &str) -> Vec<Result<Reading, Refused>> {
        let (released, held): (VecDeque<Held>, _) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.topic == topic);
        self.held = held;
        released
            .iter()
            .flat_map(|held| self.hear(topic, &Message::parse(&held.payload), held.received))
            .collect()
    }

    /// Topics announced since this was asked last.
    pub(super) fn take_fresh(&mut self) -> Vec<String> {
        std::mem::take(&mut self.fresh)
    }

    /// Every announced topic.
    pub(super) fn topics(&self) -> impl Iterator<Item = &String> {
        self.ears.keys()
    }
}

// === impl Ear ===

impl Ear {
    fn refused(&self, why: Why) -> Refused {
        let id = self.instance.split_once('/').map_or(self.instance.as_str(), |(id, _)| id);
        Refused { sensor: id.to_owned(), why }
    }
}

// === impl Presence ===

impl Presence {
    /// One topic says whether the device is there; whether it is, where that is news. A device counts as there until it
    /// is said not to be.
    fn hear(&mut self, topic: &str, there: bool, mode: PresenceMode) -> Option<bool> {
        self.said.insert(topic.to_owned(), there);
        let there = match mode {
            PresenceMode::Latest => there,
            PresenceMode::All => self.said.values().all(|there| *there),
            PresenceMode::Any => self.said.values().any(|there| *there),
        };
        (std::mem::replace(&mut self.away, !there) == there).then_some(there)
    }
}

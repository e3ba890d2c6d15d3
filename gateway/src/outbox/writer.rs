//! One transaction in progress: inserting, removing, and making room by giving up the oldest.

use rusqlite::{OptionalExtension, Transaction, params};

use super::gap::{self, Cause, Gap};
use super::read::class;
use super::row::{COLUMNS, Row};
use super::salvage::Salvaged;
use super::sinks::Sinks;
use super::stamp::Stamp;
use super::store::{Counts, PAGE_BYTES, used_pages};
use super::{Class, NewEvent, SavedState, Sequence, Site, announce, checksum};
use crate::event::Phase;
use crate::incident::tell::new_id;

/// Events given up in one step.
const EVICTION_STEP: usize = 64;
/// Pages kept free beyond what is about to be written: for the gap event and for pages that are not quite full.
const SPARE_PAGES: u64 = 24;
/// Code of the event that tells of one that is set aside.
const REFUSED: &str = "OUTBOX_REFUSED";

/// One transaction in progress.
pub(super) struct Writer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) site: &'a Site,
    pub(super) quota_bytes: u64,
    pub(super) counts: Counts,
    pub(super) sinks: Sinks,
    pub(super) now: Stamp,
}

// === impl Writer ===

impl Writer<'_> {
    pub(super) fn insert(&mut self, new: &NewEvent) -> rusqlite::Result<Sequence> {
        let sequence = Sequence(self.counts.last + 1);
        let mut event = new.event.clone();
        event.sequence = sequence.to_string();
        let body = serde_json::to_vec(&event).expect("an event has only string keys and numbers");
        let row = Row {
            sequence: sequence.0 as i64,
            class: new.class.code(),
            topic: new.topic.clone(),
            body,
            accepted_unix_ms: self.now.wall_unix_ms,
            origin: (new.origin.map(|origin| origin.source.code()), new.origin.map(|origin| origin.unix_ms)),
            stamp: (Some(self.now.boot), Some(self.now.mono_ms), Some(i64::from(self.now.trusted))),
        };
        self.write("outbox", &row)?;
        self.sinks.stored(new.class, sequence, &new.topic);
        self.counts.last = sequence.0;
        if new.class == Class::Alarm {
            self.counts.last_alarm = sequence.0;
        }
        *self.counts.of(new.class) += 1;
        Ok(sequence)
    }

    fn write(&self, table: &str, row: &Row) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached(&format!(
                "INSERT INTO {table}({COLUMNS})
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            ))?
            .execute(params![
                row.sequence,
                row.class,
                row.topic,
                row.body,
                row.accepted_unix_ms,
                row.origin.0,
                row.origin.1,
                row.stamp.0,
                row.stamp.1,
                row.stamp.2,
                checksum::of(row),
            ])
            .map(drop)
    }

    /// Puts what was saved from a damaged file into this new one. Events keep their numbers.
    pub(super) fn copy(&mut self, salvaged: &Salvaged) -> rusqlite::Result<()> {
        for (sequence, row) in &salvaged.rows {
            self.write("outbox", row)?;
            let class = Class::from_code(row.class);
            if class == Class::Alarm {
                self.counts.last_alarm = *sequence as u64;
            }
            *self.counts.of(class) += 1;
        }
        for row in salvaged.kept.values() {
            self.write("kept", row)?;
        }
        for (key, value) in &salvaged.states {
            self.save(&SavedState { key: key.clone(), value: Some(value.clone()) })?;
        }
        for gap in salvaged.gaps.iter().filter(|gap| salvaged.rows.contains_key(&gap[0])) {
            self.transaction
                .prepare_cached("INSERT INTO gap(sequence, first, last, count) VALUES(?1, ?2, ?3, ?4)")?
                .execute(*gap)?;
        }
        Ok(())
    }

    /// Marks an event as refused and tells so. One that has gone meanwhile is no error.
    pub(super) fn set_aside(&mut self, sequence: Sequence, reason: &str) -> rusqlite::Result<bool> {
        let marked = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO aside(sequence, reason) SELECT sequence, ?2 FROM outbox WHERE sequence = ?1",
            )?
            .execute(params![sequence.0 as i64, reason])?;
        // That this was refused is told once; that the telling was refused too, is not.
        if marked == 1 && !self.tells_of_refusal(sequence)? {
            let now = self.now.wall();
            let id = new_id(now);
            let told = announce::Announcement {
                id: id.clone(),
                correlation: id,
                kind: "refused",
                subject: format!("outbox/{0}-{0}", sequence.0),
                code: REFUSED,
                title: "事件被中心拒收",
                level: announce::LEVEL,
                phase: Phase::Opened,
                happened: None,
                measure: None,
                note: format!(
                    "the centre's broker refuses the event with sequence {} ({reason}); it is kept and tried again \
                     after the next start",
                    sequence.0
                ),
            };
            self.insert(&told.into_event(self.site, now))?;
        }
        Ok(marked == 1)
    }

    fn tells_of_refusal(&self, sequence: Sequence) -> rusqlite::Result<bool> {
        let body: Vec<u8> = self
            .transaction
            .prepare_cached("SELECT body FROM outbox WHERE sequence = ?1")?
            .query_row([sequence.0 as i64], |row| row.get(0))?;
        let event: Option<crate::event::Event> = serde_json::from_slice(&body).ok();
        Ok(event.is_some_and(|event| event.data.code == REFUSED))
    }

    pub(super) fn save(&self, SavedState { key, value }: &SavedState) -> rusqlite::Result<()> {
        match value {
            Some(value) => self
                .transaction
                .prepare_cached(
                    "INSERT INTO state(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
                )?
                .execute(params![key, value]),
            None => self.transaction.prepare_cached("DELETE FROM state WHERE key = ?1")?.execute([key]),
        }
        .map(drop)
    }

    /// The centre has this event: deletes it, or keeps it for the sinks that still want it. One that is gone already (its
    /// PUBACK came twice) is no error.
    pub(super) fn remove(&mut self, sequence: Sequence) -> rusqlite::Result<()> {
        if !self.sinks.is_empty() {
            self.sinks.keep(self.transaction, sequence)?;
        }
        self.delete(sequence)
    }

    fn delete(&mut self, sequence: Sequence) -> rusqlite::Result<()> {
        let class = self
            .transaction
            .prepare_cached("DELETE FROM outbox WHERE sequence = ?1 RETURNING class")?
            .query_row([sequence.0 as i64], class)
            .optional()?;
        if let Some(class) = class {
            *self.counts.of(class) -= 1;
            for forget in ["DELETE FROM gap WHERE sequence = ?1", "DELETE FROM aside WHERE sequence = ?1"] {
                self.transaction.prepare_cached(forget)?.execute([sequence.0 as i64])?;
            }
        }
        Ok(())
    }

    /// Gives up the oldest events, alarms last, until `bytes` more fit under the quota, and declares them.
    pub(super) fn make_room(&mut self, bytes: u64) -> rusqlite::Result<u64> {
        let limit = self.quota_bytes / PAGE_BYTES;
        // A row shares its page with index entries and free space: half as much again is on the safe side.
        let wanted = bytes * 3 / 2 / PAGE_BYTES + SPARE_PAGES;
        let mut gap: Option<Gap> = None;
        let mut evicted = 0;
        while used_pages(self.transaction)? + wanted > limit {
            // The centre has had what is kept for sinks.
            if self.sinks.make_room(self.transaction, EVICTION_STEP)? > 0 {
                continue;
            }
            let victims = self.oldest()?;
            if victims.is_empty() {
                break;
            }
            for victim in victims {
                let lost = self.gap_behind(victim)?;
                gap = Some(gap.map_or(lost, |gap| gap.with(lost)));
                evicted += 1;
                self.sinks.give_up(self.transaction, victim)?;
                self.delete(victim)?;
            }
        }
        if let Some(gap) = gap {
            let cause = Cause::Quota { gap, quota_bytes: self.quota_bytes };
            let declared = self.insert(&gap::declare(self.site, cause, self.now.wall()))?;
            self.transaction
                .prepare_cached("INSERT INTO gap(sequence, first, last, count) VALUES(?1, ?2, ?3, ?4)")?
                .execute(params![
                    declared.0 as i64,
                    gap.first.0 as i64,
                    gap.last.0 as i64,
                    gap.count as i64
                ])?;
            self.counts.evicted += evicted;
        }
        Ok(evicted)
    }

    /// The events to give up next.
    fn oldest(&self) -> rusqlite::Result<Vec<Sequence>> {
        let class = if self.counts.events > 0 { Class::Event } else { Class::Alarm };
        let mut statement = self
            .transaction
            .prepare_cached("SELECT sequence FROM outbox WHERE class = ?1 ORDER BY sequence LIMIT ?2")?;
        let rows =
            statement.query_map(params![class.code(), EVICTION_STEP as i64], |row| row.get::<_, i64>(0))?;
        rows.map(|row| row.map(|sequence| Sequence(sequence as u64))).collect()
    }

    /// What the centre misses when this event does not come: itself, and where it is a gap event, what it stood for.
    fn gap_behind(&self, sequence: Sequence) -> rusqlite::Result<Gap> {
        let own = Gap::one(sequence);
        let stood_for = self
            .transaction
            .prepare_cached("SELECT first, last, count FROM gap WHERE sequence = ?1")?
            .query_row([sequence.0 as i64], |row| {
                Ok(Gap {
                    first: Sequence(row.get::<_, i64>(0)? as u64),
                    last: Sequence(row.get::<_, i64>(1)? as u64),
                    count: row.get::<_, i64>(2)? as u64,
                })
            })
            .optional()?;
        Ok(stood_for.map_or(own, |gap| gap.with(own)))
    }
}

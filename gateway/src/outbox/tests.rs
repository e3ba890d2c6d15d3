//! The outbox as its callers see it, on a real file.

mod damage;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use moshao_config::Grid;
use serde_json::Value;
use tempfile::TempDir;

use super::gap::{Cause, Gap, declare};
use super::*;

const QUOTA_BYTES: u64 = 16 << 20;
/// Sequences of the second epoch lie above.
const EPOCH: u64 = 1_000_000_000_000;

pub(super) fn site() -> Site {
    Site {
        division: "510104001001".to_owned(),
        gateway: "gw-0007".to_owned(),
        grid: Grid { code: "510104001001003".to_owned(), name: None },
        time_zone: TimeZone::UTC,
    }
}

fn open_with(directory: &Path, quota_bytes: u64) -> (OutboxHandle, Recovered, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let settings = Settings {
        directory: directory.to_owned(),
        quota_bytes,
        site: site(),
        sinks: Vec::new(),
        metrics: Arc::clone(&metrics),
    };
    let (outbox, recovered) = open(settings).expect("the outbox opens");
    (outbox, recovered, metrics)
}

fn fresh() -> (TempDir, OutboxHandle) {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, ..) = open_with(directory.path(), QUOTA_BYTES);
    (directory, outbox)
}

/// An event with this title; a gap event serves as the pattern, its contents do not matter here.
pub(super) fn event(class: Class, title: &str) -> NewEvent {
    let gap = Gap::one(Sequence(1));
    let mut new = declare(&site(), Cause::Quota { gap, quota_bytes: 1 }, jiff::Timestamp::UNIX_EPOCH);
    new.class = class;
    new.event.data.code = "TEST".to_owned();
    new.event.data.title = title.to_owned();
    new
}

fn body(waiting: &Waiting) -> Event {
    serde_json::from_slice(&waiting.body).expect("a body is an event")
}

async fn waiting(outbox: &OutboxHandle) -> Vec<Waiting> {
    outbox.next(Cursor::default(), 1_000_000).await.expect("readable")
}

pub(super) async fn titles(outbox: &OutboxHandle) -> Vec<String> {
    waiting(outbox).await.iter().map(|row| body(row).data.title).collect()
}

fn numbers(sequences: &[Sequence]) -> Vec<u64> {
    sequences.iter().map(|sequence| sequence.0).collect()
}

#[tokio::test]
async fn sequences_rise_without_gaps_and_stand_in_the_event() {
    let (_directory, outbox) = fresh();
    let first = outbox.accept(vec![event(Class::Event, "a"), event(Class::Alarm, "b")], None).await.unwrap();
    let second = outbox.accept(vec![event(Class::Event, "c")], None).await.unwrap();
    assert_eq!((numbers(&first), numbers(&second)), (vec![1, 2], vec![3]));
    for row in waiting(&outbox).await {
        assert_eq!(body(&row).sequence, row.sequence.to_string());
        assert_eq!(row.sequence.to_string().len(), 20);
    }
}

#[tokio::test]
async fn alarms_overtake_and_the_cursor_goes_on() {
    let (_directory, outbox) = fresh();
    for (class, title) in
        [(Class::Event, "e1"), (Class::Alarm, "a2"), (Class::Event, "e3"), (Class::Alarm, "a4")]
    {
        outbox.accept(vec![event(class, title)], None).await.unwrap();
    }
    assert_eq!(titles(&outbox).await, ["a2", "a4", "e1", "e3"]);
    let after = Cursor { alarm: Sequence(2), event: Sequence(1) };
    let rows = outbox.next(after, 1).await.unwrap();
    assert_eq!(body(&rows[0]).data.title, "a4");
    let after = Cursor { alarm: Sequence(4), event: Sequence(1) };
    let rows = outbox.next(after, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(body(&rows[0]).data.title, "e3");
}

#[tokio::test]
async fn delivered_events_are_gone_at_once_and_after_a_restart() {
    let (directory, outbox) = fresh();
    let sequences =
        outbox.accept(vec![event(Class::Event, "a"), event(Class::Event, "b")], None).await.unwrap();
    outbox.delivered(vec![sequences[0]]).await.unwrap();
    assert_eq!(titles(&outbox).await, ["b"], "although its deletion is not committed yet");
    outbox.close().await;
    assert_eq!(outbox.accept(vec![], None).await, Err(OutboxError::Closed));

    let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(
        recovered,
        Recovered { waiting: 1, unclean_stop: false, quarantined: None, salvaged: None, epoch: 0 }
    );
    assert_eq!(titles(&outbox).await, ["b"]);
    let next = outbox.accept(vec![event(Class::Event, "c")], None).await.unwrap();
    assert_eq!(numbers(&next), [3], "numbers are never given out twice");
}

/// What a killed process leaves behind: the files as they are, nothing closed.
fn left_behind(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_killed_process_repeats_nothing_that_was_acknowledged() {
    let (directory, outbox) = fresh();
    let new = (0..5).map(|number| event(Class::Event, &number.to_string())).collect();
    let sequences = outbox.accept(new, None).await.unwrap();
    outbox.delivered(sequences[..3].to_vec()).await.unwrap();
    let copy = left_behind(directory.path());
    let (killed, recovered, _) = open_with(copy.path(), QUOTA_BYTES);
    assert_eq!((recovered.waiting, recovered.quarantined), (2, None));
    assert_eq!(titles(&killed).await, ["3", "4"]);

    // Another outbox in the same place gives the same numbers to other events.
    killed.close().await;
    for file in ["outbox.db", "outbox.db-wal"] {
        fs::remove_file(copy.path().join(file)).unwrap_or_default();
    }
    let (other, ..) = open_with(copy.path(), QUOTA_BYTES);
    let accepted = other.accept(vec![event(Class::Event, "new")], None).await.unwrap();
    assert_eq!(numbers(&accepted), [1]);
    other.close().await;
    let (other, recovered, _) = open_with(copy.path(), QUOTA_BYTES);
    assert_eq!((recovered.waiting, titles(&other).await), (1, vec!["new".to_owned()]));
}

#[tokio::test]
async fn numbers_go_on_when_everything_has_been_delivered() {
    let (directory, outbox) = fresh();
    let sequences = outbox.accept(vec![event(Class::Alarm, "a")], None).await.unwrap();
    outbox.delivered(sequences).await.unwrap();
    outbox.close().await;
    let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(recovered.waiting, 0);
    assert_eq!(numbers(&outbox.accept(vec![event(Class::Alarm, "b")], None).await.unwrap()), [2]);
}

#[tokio::test]
async fn state_is_committed_with_its_events() {
    let (directory, outbox) = fresh();
    let state = |value: &[u8]| Some(SavedState { key: "incidents".to_owned(), value: Some(value.to_vec()) });
    outbox.accept(vec![event(Class::Alarm, "a")], state(b"one")).await.unwrap();
    outbox.accept(vec![], state(b"two")).await.unwrap();
    outbox.close().await;
    let (outbox, ..) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(outbox.load_state("incidents").await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(outbox.load_state("other").await.unwrap(), None);
}

#[test]
fn a_sequence_knows_its_epoch() {
    let of = |sequence| Sequence(sequence).epoch();
    assert_eq!([of(1), of(EPOCH), of(EPOCH + 1), of(2 * EPOCH + 1)], [0, 0, 1, 2]);
}

#[tokio::test]
async fn states_are_read_by_the_beginning_of_their_keys_and_can_be_taken_away() {
    let (_directory, outbox) = fresh();
    let state = |key: &str, value: Option<&[u8]>| SavedState {
        key: key.to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    let all = [
        state("a", Some(b"1")),
        state("a/x", Some(b"2")),
        state("a/y", Some(b"3")),
        state("b/a", Some(b"4")),
    ];
    outbox.accept(vec![event(Class::Alarm, "one")], all).await.unwrap();
    outbox.accept(vec![], [state("a/x", None), state("a/never", None)]).await.unwrap();
    let found = outbox.load_states("a").await.unwrap();
    assert_eq!(found, [("a".to_owned(), b"1".to_vec()), ("a/y".to_owned(), b"3".to_vec())]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_hurts_nobody_else() {
    let (_directory, outbox) = fresh();
    let large = event(Class::Alarm, &"x".repeat(MAX_EVENT_BYTES));
    let refused = outbox.accept(vec![large], None).await.unwrap_err();
    assert_eq!(refused.reason(), "event-too-large");
    let value = Some(vec![0; MAX_STATE_BYTES + 1]);
    let refused = outbox.accept(vec![], Some(SavedState { key: "k".to_owned(), value })).await.unwrap_err();
    assert_eq!(refused.reason(), "state-too-large");
    assert_eq!(numbers(&outbox.accept(vec![event(Class::Alarm, "a")], None).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_full_outbox_gives_up_the_oldest_events_and_declares_exactly_which() {
    let directory = tempfile::tempdir().unwrap();
    let quota_bytes = 1 << 20;
    let (outbox, _, metrics) = open_with(directory.path(), quota_bytes);
    let alarm = outbox.accept(vec![event(Class::Alarm, "first")], None).await.unwrap();
    let mut given_out = 1;
    for _ in 0..100 {
        let events = (0..20).map(|_| event(Class::Event, &"x".repeat(400))).collect();
        given_out = outbox.accept(events, None).await.expect("always room for new ones").last().unwrap().0;
    }
    let rows = waiting(&outbox).await;
    assert_eq!(rows[0].sequence, alarm[0], "an alarm goes last");
    let present: HashSet<u64> = rows.iter().map(|row| row.sequence.0).collect();
    let missing = given_out - present.iter().filter(|sequence| **sequence <= given_out).count() as u64;
    assert!(missing > 0, "the quota was too large for this test");
    let declared: Vec<Event> =
        rows.iter().map(body).filter(|event| event.data.code == "OUTBOX_GAP").collect();
    let counted: f64 = declared.iter().map(|event| event.data.measure.as_ref().unwrap().value).sum();
    assert_eq!(counted, missing as f64);
    assert_eq!(outbox.stats().borrow().evicted, missing);
    let text = metrics.render();
    assert!(text.contains(&format!("moshao_events_lost_total{{reason=\"quota\"}} {missing}")), "{text}");
    // Each gap names its range, and nothing inside a range that is missing lies outside all of them.
    let ranges: Vec<(u64, u64)> = declared.iter().map(range).collect();
    for sequence in (1..=given_out).filter(|sequence| !present.contains(sequence)) {
        assert!(
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&sequence)),
            "{sequence}: {ranges:?}"
        );
    }
    let file = fs::metadata(directory.path().join("outbox.db")).unwrap().len();
    assert!(file <= quota_bytes, "{file} bytes");
}

#[tokio::test]
async fn a_gap_that_must_go_itself_is_folded_into_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, ..) = open_with(directory.path(), 512 * 1024);
    let mut given_out = 0;
    for _ in 0..150 {
        // Alarms only: gap events are alarms as well and are given up among them.
        let alarms = (0..10).map(|_| event(Class::Alarm, &"x".repeat(1000))).collect();
        given_out = outbox.accept(alarms, None).await.unwrap().last().unwrap().0;
    }
    let rows = waiting(&outbox).await;
    let present = rows.len() as u64;
    let counted: f64 = rows
        .iter()
        .map(body)
        .filter(|event| event.data.code == "OUTBOX_GAP")
        .map(|event| event.data.measure.unwrap().value)
        .sum();
    assert_eq!(counted, (given_out - present) as f64, "every number is present or declared");
}

fn range(gap: &Event) -> (u64, u64) {
    let (first, last) = gap.subject.strip_prefix("outbox/").unwrap().split_once('-').unwrap();
    (first.parse().unwrap(), last.parse().unwrap())
}

#[tokio::test]
async fn an_event_that_is_set_aside_lets_the_others_pass_and_comes_back_after_a_restart() {
    let (directory, outbox) = fresh();
    let accepted =
        outbox.accept(vec![event(Class::Event, "bad"), event(Class::Event, "good")], None).await.unwrap();
    assert!(outbox.set_aside(accepted[0], "reason 0x87".to_owned()).await.unwrap());
    let rows = waiting(&outbox).await;
    let codes: Vec<String> = rows.iter().map(|row| body(row).data.code).collect();
    assert_eq!(codes, ["OUTBOX_REFUSED", "TEST"]);
    assert!(body(&rows[0]).data.note.unwrap().contains("0x87"));
    assert!(!outbox.set_aside(Sequence(77), String::new()).await.unwrap(), "nothing of that number");
    assert_eq!(outbox.stats().borrow().depth, 3, "it is still waiting");
    outbox.close().await;
    let (outbox, ..) = open_with(directory.path(), QUOTA_BYTES);
    assert!(titles(&outbox).await.contains(&"bad".to_owned()));
}

#[tokio::test]
async fn a_file_of_an_earlier_format_is_read_on() {
    for earlier in [include_str!("testdata/format-1.sql"), include_str!("testdata/format-3.sql")] {
        let directory = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(directory.path().join("outbox.db")).unwrap();
        connection.execute_batch(earlier).unwrap();
        connection.close().unwrap();
        let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
        assert_eq!((recovered.waiting, recovered.epoch), (2, 0));
        assert_eq!(titles(&outbox).await, ["alarm", "event"]);
        assert_eq!(numbers(&outbox.accept(vec![event(Class::Alarm, "new")], None).await.unwrap()), [8]);
    }
}

#[tokio::test]
async fn two_gateways_cannot_share_a_directory() {
    let (directory, _outbox) = fresh();
    let settings = Settings {
        directory: directory.path().to_owned(),
        quota_bytes: QUOTA_BYTES,
        site: site(),
        sinks: Vec::new(),
        metrics: Arc::new(Metrics::new()),
    };
    let error = open(settings).expect_err("somebody else has it");
    assert_eq!(error.reason(), "in-use");
}

#[tokio::test]
async fn a_directory_that_is_a_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    fs::write(&path, "").unwrap();
    let settings = Settings {
        directory: path.clone(),
        quota_bytes: QUOTA_BYTES,
        site: site(),
        sinks: Vec::new(),
        metrics: Arc::default(),
    };
    let error = open(settings).expect_err("no directory");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_gap_event_says_what_is_missing() {
    let gap = Gap { first: Sequence(17), last: Sequence(40), count: 20 };
    let cause = Cause::Quota { gap, quota_bytes: 1 << 20 };
    let declared = declare(&site(), cause, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(declared.class, Class::Alarm);
    assert_eq!(declared.topic, "moshao/v1/510104001001/gw-0007/event/device/2");
    let json: Value = serde_json::to_value(&declared.event).unwrap();
    assert_eq!(json["type"], "moshao.device.gap.v1");
    assert_eq!(json["subject"], "outbox/17-40");
    assert_eq!(json["time"], "1970-01-01T00:00:00.000+00:00");
    assert_eq!(json["data"]["measure"]["value"], 20.0);
}

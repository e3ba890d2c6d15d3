//! Sinks as their drivers see them, on a real file.

use std::path::Path;
use std::sync::Arc;

use moshao_config::Category;

use super::super::tests::{event, site, titles};
use super::super::{Class, NewEvent, OutboxHandle, Settings, open};
use super::{SinkDone, Subscription};
use crate::metrics::Metrics;

const QUOTA_BYTES: u64 = 16 << 20;

fn subscription(sink: &str, categories: &[Category], level: u8) -> Subscription {
    Subscription { sink: sink.to_owned(), categories: categories.to_vec(), level, backlog: 100 }
}

fn open_for(directory: &Path, quota_bytes: u64, sinks: Vec<Subscription>) -> (OutboxHandle, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let directory = directory.to_owned();
    let settings = Settings { directory, quota_bytes, site: site(), sinks, metrics: Arc::clone(&metrics) };
    (open(settings).expect("the outbox opens").0, metrics)
}

/// An event of this category and level whose title is its name.
fn named(name: &str, class: Class, category: Category, level: u8) -> NewEvent {
    let mut new = event(class, name);
    new.topic = crate::topics::Topics::new("510104001001", "gw-0007").event(category, level);
    new
}

async fn accept(outbox: &OutboxHandle, events: Vec<NewEvent>) {
    outbox.accept(events, None).await.expect("accepted");
}

/// Titles of what waits for a sink.
async fn waiting(outbox: &OutboxHandle, sink: &str) -> Vec<String> {
    let events = outbox.sink_next(sink, 1000).await.unwrap().events;
    let title = |one: &super::Waiting| {
        serde_json::from_slice::<crate::event::Event>(&one.body).expect("an event").data.title
    };
    events.iter().map(title).collect()
}

async fn done(outbox: &OutboxHandle, sink: &str, count: usize) {
    let events = outbox.sink_next(sink, count).await.unwrap().events;
    let events = events.iter().map(|one| (one.class, one.sequence)).collect();
    outbox.sink_done(sink, SinkDone { events, told_missed: 0 }).await.unwrap();
}

/// The centre takes everything that waits.
async fn delivered(outbox: &OutboxHandle) {
    let rows = outbox.next(crate::outbox::Cursor::default(), 10_000).await.unwrap();
    outbox.delivered(rows.iter().map(|row| row.sequence).collect()).await.unwrap();
    outbox.stats().wait_for(|stats| stats.depth == 0).await.unwrap();
}

fn value(metrics: &Metrics, line: &str) -> bool {
    metrics.render().lines().any(|other| other == line)
}

#[test]
fn a_topic_says_whether_its_event_is_wanted() {
    let fire = "moshao/v1/510104001001/gw-0007/event/fire/1";
    let device = "moshao/v1/510104001001/gw-0007/event/device/4";
    assert!(subscription("a", &[], 4).wants(fire) && subscription("a", &[], 4).wants(device));
    assert!(!subscription("a", &[], 3).wants(device), "less severe than asked for");
    assert!(subscription("a", &[Category::Fire], 2).wants(fire));
    assert!(!subscription("a", &[Category::Security], 4).wants(fire), "another department");
    assert!(!subscription("a", &[], 4).wants("moshao/v1/510104001001/gw-0007/state"));
}

#[tokio::test]
async fn each_sink_has_its_own_place_and_the_centre_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let sinks = || vec![subscription("all", &[], 4), subscription("fire", &[Category::Fire], 2)];
    let (outbox, _) = open_for(directory.path(), QUOTA_BYTES, sinks());
    accept(
        &outbox,
        vec![
            named("blue", Class::Event, Category::Device, 4),
            named("red", Class::Alarm, Category::Fire, 1),
            named("orange", Class::Alarm, Category::Security, 2),
        ],
    )
    .await;
    assert_eq!(waiting(&outbox, "all").await, ["red", "orange", "blue"], "alarms first");
    assert_eq!(waiting(&outbox, "fire").await, ["red"]);
    done(&outbox, "all", 1).await;
    assert_eq!(waiting(&outbox, "all").await, ["orange", "blue"], "at once, before the commit");
    delivered(&outbox).await;
    assert_eq!(titles(&outbox).await, [""; 0], "the centre has everything");
    assert_eq!(waiting(&outbox, "fire").await, ["red"], "and the sinks still get theirs");
    outbox.close().await;

    let (outbox, metrics) = open_for(directory.path(), QUOTA_BYTES, sinks());
    assert_eq!(waiting(&outbox, "all").await, ["orange", "blue"], "over a restart");
    assert_eq!(waiting(&outbox, "fire").await, ["red"]);
    assert!(value(&metrics, "moshao_sink_waiting_events{sink=\"all\"} 2"), "{}", metrics.render());
    done(&outbox, "all", 2).await;
    done(&outbox, "fire", 1).await;
    outbox.close().await;
    let connection = rusqlite::Connection::open(directory.path().join("outbox.db")).unwrap();
    let kept: i64 = connection.query_row("SELECT COUNT(*) FROM kept", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0, "nothing is kept for nobody");
}

#[tokio::test]
async fn a_new_sink_begins_with_what_comes_next_and_a_removed_one_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open_for(directory.path(), QUOTA_BYTES, vec![subscription("old", &[], 4)]);
    accept(&outbox, vec![named("before", Class::Alarm, Category::Fire, 1)]).await;
    delivered(&outbox).await;
    outbox.close().await;

    let (outbox, _) = open_for(directory.path(), QUOTA_BYTES, vec![subscription("new", &[], 4)]);
    accept(&outbox, vec![named("after", Class::Alarm, Category::Fire, 1)]).await;
    assert_eq!(waiting(&outbox, "new").await, ["after"]);
    outbox.close().await;
    let connection = rusqlite::Connection::open(directory.path().join("outbox.db")).unwrap();
    let kept: i64 = connection.query_row("SELECT COUNT(*) FROM kept", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_dead_sink_keeps_its_backlog_and_misses_the_oldest_of_the_less_severe_exactly_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, metrics) = open_for(directory.path(), QUOTA_BYTES, vec![subscription("dead", &[], 4)]);
    for number in 0..150 {
        let (class, level) = if number % 3 == 0 { (Class::Alarm, 1) } else { (Class::Event, 4) };
        accept(&outbox, vec![named(&format!("e{number:03}"), class, Category::Fire, level)]).await;
    }
    delivered(&outbox).await;
    let batch = outbox.sink_next("dead", 1000).await.unwrap();
    assert_eq!(batch.events.len() as u64 + batch.missed, 150, "every event waits or is counted");
    assert!((95..=100).contains(&batch.events.len()), "{} wait", batch.events.len());
    let alarms = batch.events.iter().filter(|event| event.class == Class::Alarm).count();
    assert_eq!(alarms, 50, "alarms are given up last");
    let missed = format!("moshao_sink_missed_total{{sink=\"dead\"}} {}", batch.missed);
    assert!(value(&metrics, &missed), "{missed} in {}", metrics.render());
    // Who is told of them need not be told again.
    outbox.sink_done("dead", SinkDone { events: Vec::new(), told_missed: batch.missed }).await.unwrap();
    assert_eq!(outbox.sink_next("dead", 1000).await.unwrap().missed, 0);
}

#[tokio::test]
async fn what_a_dead_sink_keeps_gives_way_before_anything_that_the_centre_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let dead = Subscription { backlog: 100_000, ..subscription("dead", &[], 4) };
    let (outbox, metrics) = open_for(directory.path(), 1 << 20, vec![dead]);
    for round in 0..4 {
        for number in 0..100 {
            let name = format!("{round}-{number}-{}", "x".repeat(2000));
            accept(&outbox, vec![named(&name, Class::Event, Category::City, 4)]).await;
        }
        if round < 2 {
            delivered(&outbox).await;
        }
    }
    assert_eq!(titles(&outbox).await.len(), 200, "the centre lacks nothing");
    assert!(!metrics.render().contains("moshao_events_lost_total{reason=\"quota\"}"), "{}", metrics.render());
    let batch = outbox.sink_next("dead", 10_000).await.unwrap();
    assert!(batch.missed > 0, "the quota is small");
    assert_eq!(batch.events.len() as u64 + batch.missed, 400);
}

#[tokio::test]
async fn a_damaged_file_loses_no_place_that_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let sinks = || vec![subscription("all", &[], 4)];
    let (outbox, _) = open_for(directory.path(), QUOTA_BYTES, sinks());
    for name in ["one", "two", "three"] {
        accept(&outbox, vec![named(name, Class::Alarm, Category::Fire, 1)]).await;
    }
    delivered(&outbox).await;
    accept(&outbox, vec![named("four", Class::Alarm, Category::Fire, 1)]).await;
    done(&outbox, "all", 1).await;
    outbox.close().await;
    let path = directory.path().join("outbox.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE outbox SET checksum = checksum + 1", []).unwrap();
    connection.close().unwrap();

    let (outbox, _) = open_for(directory.path(), QUOTA_BYTES, sinks());
    let left = waiting(&outbox, "all").await;
    assert_eq!(left[..2], ["two", "three"], "kept events and the sink's place are saved");
    assert_eq!(left.len(), 3, "and the gap event tells of the one that is gone: {left:?}");
}

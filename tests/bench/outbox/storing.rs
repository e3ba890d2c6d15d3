//! Events accepted a second, and bytes written to flash for each: the outbox against a plain append-only file.
//!
//! Both write the same events in the same groups and sync after each group. The outbox also deletes what has been
//! delivered, as it does when the link is up; the file only grows.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moshao::metrics::Metrics;
use moshao::outbox::{Class, OutboxHandle};
use moshao_tests::gateway_parts::{event, new_event, open_outbox};

use super::table;
use crate::report::{line, progress};

const QUOTA_BYTES: u64 = 1 << 30;
/// Events a commit.
const GROUPS: [usize; 3] = [1, 10, 50];
/// Callers at once, each with one alarm: the outbox makes its own groups of them.
const CALLERS: usize = 32;

/// What one contestant did.
struct Rate {
    events_per_second: f64,
    flash_bytes_per_event: f64,
}

pub(super) fn measure(is_short: bool) {
    let length = Duration::from_secs(if is_short { 2 } else { 8 });
    let body = serde_json::to_vec(&event("bench-000001")).expect("an event is JSON");
    progress("the disk's own syncs");
    let syncs = append(1, &[0x5a; 1024], length).events_per_second;
    table(
        &format!(
            "Accepting events of {} bytes; this disk syncs {syncs:.0} appends of 1 KiB a second.",
            body.len()
        ),
        &[
            "events a commit",
            "outbox, events/s",
            "append-only file, events/s",
            "outbox / file",
            "outbox, bytes to flash an event",
            "file, bytes to flash an event",
        ],
    );
    for group in GROUPS {
        progress(&format!("{group} events a commit"));
        let file = append(group, &body, length);
        row(&group.to_string(), &accept(group, length), &file);
        if group == 1 {
            row(&format!("1, from {CALLERS} callers"), &accept_together(length), &file);
        }
    }
    line("\nThe file syncs after each group and never deletes; the outbox deletes what has been delivered.");
}

fn row(group: &str, outbox: &Rate, file: &Rate) {
    line(&format!(
        "| {group} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
        outbox.events_per_second,
        file.events_per_second,
        outbox.events_per_second / file.events_per_second,
        outbox.flash_bytes_per_event,
        file.flash_bytes_per_event,
    ));
}

/// Appends bodies to a file, a group at a time, with a sync after each group.
fn append(group: usize, body: &[u8], length: Duration) -> Rate {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = File::create(directory.path().join("log")).expect("a file");
    let lines = body.repeat(group);
    watch(length, || {
        file.write_all(&lines).expect("written");
        file.sync_data().expect("synced");
        group
    })
}

/// One caller, so many events at a time; what has been accepted is delivered at once.
fn accept(group: usize, length: Duration) -> Rate {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outbox = runtime.block_on(open(directory.path()));
    let mut number = 0;
    let rate = watch(length, || {
        let events = (0..group).map(|one| new_event(Class::Alarm, &format!("b{number}-{one}"))).collect();
        number += 1;
        runtime.block_on(async {
            let accepted = outbox.accept(events, None).await.expect("accepted");
            outbox.delivered(accepted).await.expect("the outbox lives");
        });
        group
    });
    runtime.block_on(outbox.close());
    rate
}

/// Many callers at once, each with one event after the other.
fn accept_together(length: Duration) -> Rate {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outbox = runtime.block_on(open(directory.path()));
    let mut round = 0;
    let rate = watch(length, || {
        round += 1;
        let callers = (0..CALLERS).map(|caller| {
            let (outbox, event) = (outbox.clone(), new_event(Class::Alarm, &format!("b{round}-{caller}")));
            runtime.spawn(async move {
                let accepted = outbox.accept(vec![event], None).await.expect("accepted");
                outbox.delivered(accepted).await.expect("the outbox lives");
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            runtime.block_on(caller).expect("a caller does not panic");
        }
        CALLERS
    });
    runtime.block_on(outbox.close());
    rate
}

/// An outbox that has accepted its first event: its file and its reserve of some mebibytes are made.
async fn open(directory: &Path) -> OutboxHandle {
    let (outbox, _) = open_outbox(directory, QUOTA_BYTES, &Arc::new(Metrics::new()));
    let first = outbox.accept(vec![new_event(Class::Alarm, "first")], None).await.expect("accepted");
    outbox.delivered(first).await.expect("the outbox lives");
    outbox
}

/// Repeats `work`, which answers how many events it has stored, for so long.
fn watch(length: Duration, mut work: impl FnMut() -> usize) -> Rate {
    let (begin, written) = (Instant::now(), flash_bytes());
    let mut events = 0;
    while begin.elapsed() < length {
        events += work();
    }
    let took = begin.elapsed().as_secs_f64();
    let written = flash_bytes() - written;
    Rate { events_per_second: events as f64 / took, flash_bytes_per_event: written as f64 / events as f64 }
}

/// Bytes that this process has caused to be written to a disk (`proc(5)`, without the file system's own journal).
fn flash_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/io").expect("Linux tells what a process writes");
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).expect("write_bytes is a number")
}

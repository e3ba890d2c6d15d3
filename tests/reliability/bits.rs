//! Flipped bits in the file and in its log, and a quota that is used up: everything arrives or is declared.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::Arc;

use moshao::metrics::Metrics;
use moshao::outbox::{Class, Cursor, OutboxHandle};
use moshao_tests::gateway_parts::{new_event, open_outbox};
use rand::Rng;
use tokio::runtime::Runtime;

use crate::report::{Line, Outcome};
use crate::verdict::Arrivals;

const QUOTA_BYTES: u64 = 64 << 20;
/// A page of the log with its header.
const FRAME_BYTES: usize = 4096 + 24;

/// An outbox as a crash leaves it: file, log, and what had been accepted with its exact bytes.
struct Crashed {
    file: Vec<u8>,
    log: Vec<u8>,
    /// The last transaction begins here: a bit that flips in it looks like the power cut that tears it.
    last_transaction: usize,
    accepted: BTreeMap<String, Option<u64>>,
    bodies: HashMap<u64, Vec<u8>>,
}

/// Opens the outbox after each of so many flipped bits.
pub(crate) fn flips(rounds: usize) -> Vec<Line> {
    let runtime = Runtime::new().expect("a runtime");
    let crashed = runtime.block_on(crash());
    let (mut silent, mut lost, mut declared, mut wrong, mut harmless) = (0, 0, 0, 0, 0);
    let mut understated = 0;
    for _ in 0..rounds {
        let found = runtime.block_on(flip(&crashed));
        silent += found.silent;
        lost += found.lost;
        declared += found.declared;
        wrong += found.wrong;
        understated += usize::from(found.understated);
        harmless += usize::from(found.lost == 0);
    }
    vec![Line {
        what: format!("{rounds} flipped bits, one at a time, in the file and its log"),
        figure: format!(
            "opened {rounds} times, {harmless} without loss; {lost} lost, {silent} of them undeclared, {wrong} \
             delivered with other contents; {declared} gap events, {understated} of them with too small a number"
        ),
        wanted: "0 undeclared or too few, 0 with other contents, opens each time",
        outcome: Outcome::of(silent == 0 && wrong == 0 && understated == 0),
    }]
}

async fn crash() -> Crashed {
    let directory = tempfile::tempdir().expect("a directory");
    let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &Arc::new(Metrics::new()));
    let mut accepted = BTreeMap::new();
    // Some two thirds of it are in the file when the log is written back, the rest in the log.
    for number in 0..450 {
        let class = if number % 3 == 0 { Class::Event } else { Class::Alarm };
        let ids: Vec<String> = (0..2).map(|one| format!("b{number}-{one}")).collect();
        let events =
            ids.iter().map(|id| new_event(Class::Alarm, id)).chain([new_event(class, &format!("b{number}"))]);
        let sequences = outbox.accept(events.collect(), None).await.expect("accepted");
        let ids = ids.into_iter().chain([format!("b{number}")]);
        accepted.extend(ids.zip(sequences.iter().map(|sequence| Some(sequence.0))));
        if number % 4 == 0 {
            accepted.remove(&format!("b{number}-0"));
            outbox.delivered(vec![sequences[0]]).await.expect("the outbox lives");
        }
    }
    let rows = outbox.next(Cursor::default(), usize::MAX >> 1).await.expect("readable");
    let bodies = rows.into_iter().map(|row| (row.sequence.0, row.body)).collect();
    let read = |name: &str| fs::read(directory.path().join(name)).expect("a file of the outbox");
    let (file, log) = (read("outbox.db"), read("outbox.db-wal"));
    let last_transaction = last_transaction(&log);
    Crashed { file, log, last_transaction, accepted, bodies }
}

/// Where the last transaction of the log begins: behind the last commit but one with the salts of the header.
fn last_transaction(log: &[u8]) -> usize {
    let salts = &log[16..24];
    let commits: Vec<usize> = (32..log.len() - FRAME_BYTES + 1)
        .step_by(FRAME_BYTES)
        .filter(|at| log[at + 8..at + 16] == *salts && log[at + 4..at + 8] != [0; 4])
        .collect();
    commits.iter().rev().nth(1).map_or(32, |at| at + FRAME_BYTES)
}

#[derive(Default)]
struct Found {
    silent: usize,
    lost: usize,
    wrong: usize,
    declared: usize,
    /// More are missing than the gap events say.
    understated: bool,
}

async fn flip(crashed: &Crashed) -> Found {
    let (mut file, mut log) = (crashed.file.clone(), crashed.log.clone());
    let place = rand::rng().random_range(0..file.len() + crashed.last_transaction);
    let bit = 1 << rand::rng().random_range(0..8);
    match place.checked_sub(file.len()) {
        None => file[place] ^= bit,
        Some(place) => log[place] ^= bit,
    }
    let directory = crate::memory_directory();
    fs::write(directory.path().join("outbox.db"), file).expect("written");
    fs::write(directory.path().join("outbox.db-wal"), log).expect("written");
    let mut arrivals = Arrivals::default();
    let mut found = Found::default();
    // Opened twice: what has been mended once must be good.
    for _ in 0..2 {
        let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &Arc::new(Metrics::new()));
        let rows = outbox.next(Cursor::default(), usize::MAX >> 1).await;
        let rows = match rows {
            Ok(rows) => rows,
            // Damage that shows only now is mended on the way.
            Err(_) => outbox.next(Cursor::default(), usize::MAX >> 1).await.expect("mended"),
        };
        for row in rows {
            found.wrong +=
                usize::from(crashed.bodies.get(&row.sequence.0).is_some_and(|body| *body != row.body));
            arrivals.take(&row.body);
        }
        outbox.close().await;
    }
    let verdict = arrivals.judge(&crashed.accepted);
    let understated = arrivals.declared().is_some_and(|count| count < verdict.missing as u64);
    let declared = arrivals.told("OUTBOX_GAP");
    Found { silent: verdict.lost.len(), lost: verdict.missing, declared, understated, ..found }
}

/// More events than the quota holds: those that are missing are those that are declared, to the last one.
pub(crate) fn quota(events: usize) -> Vec<Line> {
    let runtime = Runtime::new().expect("a runtime");
    let (verdict, absent) = runtime.block_on(async {
        let directory = tempfile::tempdir().expect("a directory");
        let (outbox, _) = open_outbox(directory.path(), 1 << 20, &Arc::new(Metrics::new()));
        let mut accepted = BTreeMap::new();
        for batch in 0..events / 40 {
            let ids: Vec<String> = (0..40).map(|one| format!("q{batch}-{one}")).collect();
            let class = if batch % 5 == 0 { Class::Alarm } else { Class::Event };
            let new = ids.iter().map(|id| new_event(class, id)).collect();
            let sequences = outbox.accept(new, None).await.expect("always room for new ones");
            accepted.extend(ids.into_iter().zip(sequences.iter().map(|sequence| Some(sequence.0))));
        }
        let arrivals = drain(&outbox).await;
        (arrivals.judge(&accepted), arrivals.absent())
    });
    // Gap events that had to be given up themselves are declared too.
    let exact = absent == verdict.declared && verdict.lost.is_empty() && verdict.holes == 0;
    vec![Line {
        what: format!("{events} events into a quota of 1 MiB"),
        figure: format!(
            "{} given up and {} gap events with them, {} declared, {} undeclared",
            verdict.missing,
            absent - verdict.missing as u64,
            verdict.declared,
            verdict.lost.len()
        ),
        wanted: "given up = declared",
        outcome: Outcome::of(exact && verdict.missing > 0),
    }]
}

async fn drain(outbox: &OutboxHandle) -> Arrivals {
    let mut arrivals = Arrivals::default();
    for row in outbox.next(Cursor::default(), usize::MAX >> 1).await.expect("readable") {
        arrivals.take(&row.body);
    }
    arrivals
}

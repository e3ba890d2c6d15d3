//! `kill -9` at any moment: what was accepted is there, and no number is missing.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use moshao::metrics::Metrics;
use moshao::outbox::{Class, Cursor};
use moshao_tests::gateway_parts::{new_event, open_outbox};

/// Tells the victim where to write.
const DIRECTORY: &str = "MOSHAO_TEST_OUTBOX";
const QUOTA_BYTES: u64 = 64 << 20;
const ROUNDS: usize = 20;

/// The process that is killed: accepts events as fast as it can and tells each number after its commit.
#[test]
#[ignore = "started by the test below, which kills it"]
fn victim() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (outbox, _) = open_outbox(&directory, QUOTA_BYTES, &Arc::new(Metrics::new()));
        let mut tasks = Vec::new();
        for task in 0..4 {
            let outbox = outbox.clone();
            tasks.push(tokio::spawn(async move {
                for number in 0.. {
                    let class = if number % 3 == 0 { Class::Event } else { Class::Alarm };
                    let event = new_event(class, &format!("t{task}n{number}"));
                    let accepted = outbox.accept(vec![event], None).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "\naccepted {}", accepted[0].0).unwrap();
                    out.flush().unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Runs the victim until it has told `told` numbers, kills it, and returns all that it told.
fn run_and_kill(directory: &Path, told: usize) -> Vec<u64> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut number = || loop {
        let line = lines.next()?.ok()?;
        if let Some(number) = line.strip_prefix("accepted ") {
            return number.parse::<u64>().ok();
        }
    };
    let mut accepted: Vec<u64> = (0..told).filter_map(|_| number()).collect();
    assert_eq!(accepted.len(), told, "the victim ended by itself");
    victim.kill().unwrap();
    // What it had written before it died counts as well.
    accepted.extend(std::iter::from_fn(number));
    victim.wait().unwrap();
    accepted
}

#[test]
fn accepted_events_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut accepted: Vec<u64> = Vec::new();
    let mut unclean = 0;
    for round in 0..ROUNDS {
        accepted.extend(run_and_kill(directory.path(), 1 + round * 7 % 40));
        runtime.block_on(async {
            let (outbox, recovered) = open_outbox(directory.path(), QUOTA_BYTES, &Arc::new(Metrics::new()));
            assert_eq!((recovered.epoch, &recovered.quarantined), (0, &None), "nothing was damaged");
            unclean += usize::from(recovered.unclean_stop);
            let rows = outbox.next(Cursor::default(), usize::MAX >> 1).await.unwrap();
            let mut stored: Vec<u64> = rows.iter().map(|row| row.sequence.0).collect();
            stored.sort_unstable();
            let lost: Vec<&u64> =
                accepted.iter().filter(|number| stored.binary_search(number).is_err()).collect();
            assert!(lost.is_empty(), "round {round}: accepted and lost: {lost:?}");
            let expected: Vec<u64> = (1..=stored.len() as u64).collect();
            assert_eq!(stored, expected, "round {round}: a number is missing");
            outbox.close().await;
        });
    }
    assert!(unclean > 0, "the victim was never caught with an open file: the test proves nothing");
}

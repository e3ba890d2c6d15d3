//! Damaged files: what is intact goes on, what is not is declared, and nothing stops for good.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::*;

#[tokio::test]
async fn a_file_that_is_no_database_is_put_aside_and_declared() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("outbox.db"), "this is no database at all, however long it may be")
        .unwrap();
    let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(recovered.epoch, 1);
    let aside = recovered.quarantined.expect("put aside");
    assert!(fs::read_to_string(&aside).unwrap().starts_with("this is no database"));
    let rows = waiting(&outbox).await;
    assert_eq!(rows[0].sequence, Sequence(1_000_000_000_001), "a new epoch");
    assert_eq!(body(&rows[0]).data.code, "OUTBOX_GAP");
    outbox.close().await;

    let (_, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!((recovered.epoch, recovered.quarantined), (1, None), "once is enough");
}

/// An outbox of so many times 40 events, closed; `(accepted, path of the file)`.
async fn closed_outbox(directory: &Path, forties: usize) -> (Vec<u64>, PathBuf) {
    let (outbox, ..) = open_with(directory, QUOTA_BYTES);
    let mut accepted = Vec::new();
    for forty in 0..forties {
        let title = |number| format!("{:05}{}", forty * 40 + number, "x".repeat(500));
        let events = (0..40).map(|number| event(Class::Event, &title(number))).collect();
        let state = SavedState { key: "incidents".to_owned(), value: Some(b"open".to_vec()) };
        accepted.extend(numbers(&outbox.accept(events, Some(state)).await.unwrap()));
    }
    outbox.close().await;
    (accepted, directory.join("outbox.db"))
}

#[tokio::test]
async fn all_that_is_intact_is_saved_from_a_damaged_file_and_the_rest_is_declared_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let (accepted, path) = closed_outbox(directory.path(), 10).await;
    let mut bytes = fs::read(&path).unwrap();
    for page in 60..64 {
        bytes[page * 4096..page * 4096 + 16].fill(0xa5);
    }
    fs::write(&path, bytes).unwrap();

    let (outbox, recovered, metrics) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(recovered.epoch, 1);
    let rows = waiting(&outbox).await;
    let (declared, saved): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.sequence.0 > EPOCH);
    let lost = accepted.len() - saved.len();
    assert!((1..=16).contains(&lost), "{lost} lost with 4 pages");
    let declared = body(declared[0]);
    assert_eq!(declared.data.measure.as_ref().unwrap().value, lost as f64);
    let (first, last) = range(&declared);
    let saved: HashSet<u64> = saved.iter().map(|row| row.sequence.0).collect();
    assert!(accepted.iter().filter(|one| !saved.contains(one)).all(|one| (first..=last).contains(one)));
    assert!(
        metrics.render().contains(&format!("moshao_events_lost_total{{reason=\"damaged-file\"}} {lost}"))
    );
    assert_eq!(outbox.load_state("incidents").await.unwrap().as_deref(), Some(&b"open"[..]));
}

#[tokio::test]
async fn a_flipped_bit_inside_an_event_is_no_event() {
    let directory = tempfile::tempdir().unwrap();
    let (accepted, path) = closed_outbox(directory.path(), 10).await;
    let mut bytes = fs::read(&path).unwrap();
    // In pages that have been split there are copies that nobody reads any more.
    let places: Vec<usize> = (0..bytes.len() - 6).filter(|at| &bytes[*at..at + 6] == b"00123x").collect();
    assert!(!places.is_empty());
    places.iter().for_each(|place| bytes[place + 5] ^= 1);
    fs::write(&path, bytes).unwrap();
    let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(recovered.salvaged, Some(accepted.len() as u64 - 1));
    assert!(titles(&outbox).await.iter().all(|title| !title.contains('y')));
}

/// Does to a closed file what SQLite itself would refuse, since the tables are strict.
fn damage(path: &Path, statement: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let as_others =
        "UPDATE sqlite_schema SET sql = replace(replace(sql, ') STRICT, ', ') '), ') STRICT', ')')";
    let as_made =
        "UPDATE sqlite_schema SET sql = (SELECT sql FROM made WHERE made.name = sqlite_schema.name)";
    let steps = [
        "CREATE TEMP TABLE made AS SELECT name, sql FROM sqlite_schema; PRAGMA writable_schema = ON",
        as_others,
        "PRAGMA writable_schema = RESET",
        statement,
        "PRAGMA writable_schema = ON",
        as_made,
        "PRAGMA writable_schema = RESET",
    ];
    connection.execute_batch(&steps.join(";")).unwrap();
    connection.close().unwrap();
}

#[tokio::test]
async fn an_event_is_damaged_whichever_of_its_columns_is_another() {
    let changes = [
        "topic = topic || 'x'",
        "accepted_unix_ms = accepted_unix_ms + 1",
        "origin_source = 1",
        "origin_unix_ms = 1",
        "boot = boot + 1",
        "mono_ms = mono_ms + 1",
        // This one alone would be told as `timeuncertain`.
        "clock_ok = 0",
        "clock_ok = 'x'",
        "checksum = 'x'",
    ];
    for change in changes {
        let directory = tempfile::tempdir().unwrap();
        let (accepted, path) = closed_outbox(directory.path(), 1).await;
        let damaged = accepted[5];
        damage(&path, &format!("UPDATE outbox SET {change} WHERE sequence = {damaged}"));
        let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
        assert_eq!(recovered.salvaged, Some(accepted.len() as u64 - 1), "{change}");
        let rows = waiting(&outbox).await;
        let declared = rows.iter().find(|row| row.sequence.0 > EPOCH).expect("declared");
        assert_eq!(range(&body(declared)), (damaged, damaged), "{change}");
    }
}

#[tokio::test]
async fn what_sqlite_takes_for_sound_and_was_never_written_is_mended() {
    for statement in [
        "UPDATE state SET value = 'text' WHERE key = 'another'",
        "UPDATE meta SET value = 'text' WHERE key = 'epoch'",
        "DELETE FROM meta WHERE key = 'epoch'",
        "DELETE FROM sqlite_sequence",
        "UPDATE sqlite_sequence SET seq = 'text'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (accepted, path) = closed_outbox(directory.path(), 1).await;
        damage(&path, &format!("INSERT INTO state VALUES('another', x'00'); {statement}"));
        let (outbox, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
        assert_eq!(recovered.salvaged, Some(accepted.len() as u64), "{statement}");
        assert_eq!(
            outbox.load_state("incidents").await.unwrap().as_deref(),
            Some(&b"open"[..]),
            "{statement}"
        );
        assert!(outbox.accept(vec![event(Class::Alarm, "after")], None).await.unwrap()[0].0 > EPOCH);
    }
}

#[tokio::test]
async fn without_its_first_page_the_rest_is_saved_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (accepted, path) = closed_outbox(directory.path(), 10).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0);
    fs::write(&path, bytes).unwrap();
    let (_, recovered, _) = open_with(directory.path(), QUOTA_BYTES);
    assert_eq!(recovered.salvaged, Some(accepted.len() as u64));
}

#[tokio::test]
async fn damage_that_shows_while_it_runs_is_mended_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    // More than SQLite keeps in memory.
    let (accepted, path) = closed_outbox(directory.path(), 100).await;
    let (outbox, ..) = open_with(directory.path(), QUOTA_BYTES);
    let mut bytes = fs::read(&path).unwrap();
    for place in (4096 * 4..bytes.len()).filter(|place| place % 4096 == 3000) {
        bytes[place] ^= 0x10;
    }
    // Written into the same file, behind SQLite's back, as a failing disk does.
    File::options().write(true).open(&path).unwrap().write_all(&bytes).unwrap();
    let mut after = outbox.next(Cursor::default(), 10_000).await;
    if after.is_err() {
        after = outbox.next(Cursor::default(), 10_000).await;
    }
    let rows = after.expect("mended");
    assert!(rows.iter().any(|row| row.sequence.0 > EPOCH && body(row).data.code == "OUTBOX_GAP"));
    assert!(rows.len() < accepted.len());
    assert!(outbox.accept(vec![event(Class::Alarm, "after")], None).await.unwrap()[0].0 > EPOCH);
}

#[tokio::test]
async fn transactions_behind_a_damaged_place_in_the_log_are_not_passed_over_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, ..) = open_with(directory.path(), QUOTA_BYTES);
    for number in 0..10 {
        outbox.accept(vec![event(Class::Alarm, &format!("{number}"))], None).await.unwrap();
    }
    // As after a kill: the file and its log as they are now.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["outbox.db", "outbox.db-wal"] {
        fs::copy(directory.path().join(name), crashed.path().join(name)).unwrap();
    }
    let log = crashed.path().join("outbox.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    let (outbox, recovered, _) = open_with(crashed.path(), QUOTA_BYTES);
    assert_eq!((recovered.unclean_stop, recovered.epoch), (true, 1));
    let rows = waiting(&outbox).await;
    let gap = rows.iter().map(body).find(|event| event.data.code == "OUTBOX_GAP").expect("declared");
    let arrived: HashSet<u64> = rows.iter().map(|row| row.sequence.0).collect();
    let (first, last) = range(&gap);
    assert!((1..=10).all(|one| arrived.contains(&one) || (first..=last).contains(&one)));
}

//! The write-ahead log, looked at before SQLite opens it.
//!
//! SQLite takes the log up to its last whole transaction and silently leaves the rest: right after a power cut, which
//! tears the one transaction that was being written, and wrong when a bit has flipped in the middle, for then accepted
//! transactions lie behind it. The difference can be seen: behind a torn transaction there is no later commit.
//!
//! Format: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// `0x377f0682`, checksums over little-endian words; the last bit set for big-endian ones.
const MAGIC: u32 = 0x377f_0682;

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing in it, or only whole transactions, or one that was torn while it was written.
    Sound,
    /// Transactions lie behind a damaged place, where SQLite will not look for them.
    Damaged,
}

/// Reads the log at `path`; one that is not there is sound.
///
/// # Errors
/// It cannot be read.
pub(super) fn look(path: &Path) -> std::io::Result<Ending> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(ending(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ending::Sound),
        Err(error) => Err(error),
    }
}

fn ending(log: &[u8]) -> Ending {
    if log.len() < HEADER_BYTES + FRAME_HEADER_BYTES {
        return Ending::Sound;
    }
    let (header, frames) = log.split_at(HEADER_BYTES);
    let page_bytes = word(header, 2) as usize;
    let big_endian = word(header, 0) == MAGIC | 1;
    let mut sum = add((0, 0), &header[..24], big_endian);
    let known =
        word(header, 0) & !1 == MAGIC && page_bytes.is_power_of_two() && (512..=65536).contains(&page_bytes);
    if !known || sum != (word(header, 6), word(header, 7)) {
        // The header is written and synced before the first frame: a bad one was good once.
        return Ending::Damaged;
    }
    let salts = (word(header, 4), word(header, 5));
    let mut frames = frames.chunks_exact(FRAME_HEADER_BYTES + page_bytes);
    for frame in frames.by_ref() {
        sum = add(add(sum, &frame[..8], big_endian), &frame[FRAME_HEADER_BYTES..], big_endian);
        if (word(frame, 2), word(frame, 3)) != salts || (word(frame, 4), word(frame, 5)) != sum {
            // The frame itself may be the commit of the torn transaction. Frames of an older round have other salts.
            let later = frames.any(|frame| (word(frame, 2), word(frame, 3)) == salts && word(frame, 1) != 0);
            return if later { Ending::Damaged } else { Ending::Sound };
        }
    }
    Ending::Sound
}

/// Big-endian 32-bit word at this index.
fn word(bytes: &[u8], index: usize) -> u32 {
    let bytes = &bytes[index * 4..index * 4 + 4];
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The running checksum over more bytes, a multiple of 8.
fn add((mut s0, mut s1): (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let (mut x, mut y) = (word(pair, 0), word(pair, 1));
        if !big_endian {
            (x, y) = (x.swap_bytes(), y.swap_bytes());
        }
        s0 = s0.wrapping_add(x).wrapping_add(s1);
        s1 = s1.wrapping_add(y).wrapping_add(s0);
    }
    (s0, s1)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A log as SQLite writes it, of three transactions.
    fn log() -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x)")
            .unwrap();
        for text in ["a", "b"] {
            connection.execute("INSERT INTO t VALUES(?1)", [text.repeat(3000)]).unwrap();
        }
        std::fs::read(directory.path().join("x.db-wal")).unwrap()
    }

    #[test]
    fn what_sqlite_writes_is_sound_however_short_it_is_cut() {
        let log = log();
        for length in (0..=log.len()).step_by(500) {
            assert_eq!(ending(&log[..length]), Ending::Sound, "cut to {length} of {} bytes", log.len());
        }
    }

    #[test]
    fn a_flipped_bit_before_the_last_commit_is_damage() {
        let sound = log();
        let frame_bytes = FRAME_HEADER_BYTES + 4096;
        let last = sound.len() - frame_bytes;
        for place in (0..last).step_by(97) {
            let mut log = sound.clone();
            log[place] ^= 4;
            assert_eq!(ending(&log), Ending::Damaged, "byte {place}");
        }
    }

    #[test]
    fn a_torn_last_transaction_is_no_damage() {
        let mut log = log();
        let last = log.len() - 100;
        log[last] ^= 1;
        assert_eq!(ending(&log), Ending::Sound);
    }
}

//! What the centre has acknowledged, noted at once in a file that is never synced.
//!
//! Deletions go to disk in groups, each with a sync, and a process that is killed before would send the group again. So a
//! PUBACK is noted in `outbox.acknowledged` first: what is written there outlives the process, though not a power cut.
//! Whatever is lost of the notes repeats an event, which the centre removes by `(source, id)`; whatever is found in them
//! is true, however old it is, for a sequence is given out once.
//!
//! The file is a ring of notes. A note is a sequence and a checksum over it and the mark of the outbox that it belongs to:
//! notes beside another database mean nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Sequence;

/// Notes in the file: some times what may wait for its deletion.
const NOTES: usize = 4096;
const NOTE_BYTES: usize = 12;

/// Takes notes. Clones share the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Option<Arc<Mutex<Ring>>>);

#[derive(Debug)]
struct Ring {
    file: File,
    mark: i64,
    /// Where the next note goes.
    next: usize,
}

// === impl Notes ===

impl Notes {
    /// Goes on in the file of this directory, for the outbox with this mark. Where there can be no file, nothing is noted.
    pub(super) fn open(directory: &Path, mark: i64) -> Self {
        let opened = File::options().write(true).create(true).truncate(false).open(path(directory));
        let laid_out = opened.and_then(|file| {
            // Whole from the beginning: a note needs no room on a full disk.
            if file.metadata()?.len() != (NOTES * NOTE_BYTES) as u64 {
                file.set_len(0)?;
                file.write_all_at(&[0; NOTES * NOTE_BYTES], 0)?;
            }
            Ok(Ring { file, mark, next: 0 })
        });
        match laid_out {
            Ok(ring) => Notes(Some(Arc::new(Mutex::new(ring)))),
            Err(error) => {
                tracing::warn!(%error, "acknowledgements are not noted: a killed gateway repeats some more events");
                Notes(None)
            }
        }
    }

    /// Notes these sequences. A note that cannot be written is left out.
    pub(super) fn take(&self, sequences: &[Sequence]) {
        let Some(ring) = &self.0 else { return };
        let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = sequences;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(NOTES - ring.next));
            let bytes: Vec<u8> = now.iter().flat_map(|sequence| note(ring.mark, *sequence)).collect();
            drop(ring.file.write_all_at(&bytes, (ring.next * NOTE_BYTES) as u64));
            ring.next = (ring.next + now.len()) % NOTES;
            left = later;
        }
    }
}

/// What has been noted in this directory for the outbox with this mark.
pub(super) fn read(directory: &Path, mark: i64) -> BTreeSet<Sequence> {
    let bytes = std::fs::read(path(directory)).unwrap_or_default();
    let noted = bytes.chunks_exact(NOTE_BYTES).filter_map(|bytes| {
        let sequence = Sequence(u64::from_be_bytes(bytes[..8].try_into().ok()?));
        (note(mark, sequence) == bytes).then_some(sequence)
    });
    noted.collect()
}

fn note(mark: i64, sequence: Sequence) -> [u8; NOTE_BYTES] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&mark.to_be_bytes());
    crc.update(&sequence.0.to_be_bytes());
    let mut note = [0; NOTE_BYTES];
    note[..8].copy_from_slice(&sequence.0.to_be_bytes());
    note[8..].copy_from_slice(&crc.finalize().to_be_bytes());
    note
}

fn path(directory: &Path) -> PathBuf {
    directory.join("outbox.acknowledged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(numbers: impl IntoIterator<Item = u64>) -> Vec<Sequence> {
        numbers.into_iter().map(Sequence).collect()
    }

    #[test]
    fn what_was_noted_is_found_by_its_own_outbox_alone() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path(), 7), BTreeSet::new());
        Notes::open(directory.path(), 7).take(&sequences([1, 2, 1_000_000_000_001]));
        assert_eq!(read(directory.path(), 7), BTreeSet::from_iter(sequences([1, 2, 1_000_000_000_001])));
        assert_eq!(read(directory.path(), 8), BTreeSet::new());
    }

    #[test]
    fn a_flipped_bit_is_no_note() {
        let directory = tempfile::tempdir().unwrap();
        Notes::open(directory.path(), 7).take(&sequences([5]));
        for bit in 0..NOTE_BYTES * 8 {
            let mut bytes = std::fs::read(path(directory.path())).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path(directory.path()), &bytes).unwrap();
            assert_eq!(read(directory.path(), 7), BTreeSet::new(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path(directory.path()), &bytes).unwrap();
        }
    }

    #[test]
    fn the_file_does_not_grow_and_holds_the_latest() {
        let directory = tempfile::tempdir().unwrap();
        let notes = Notes::open(directory.path(), 7);
        for first in (1..=10_000).step_by(100) {
            notes.take(&sequences(first..first + 100));
        }
        assert_eq!(std::fs::metadata(path(directory.path())).unwrap().len(), (NOTES * NOTE_BYTES) as u64);
        let found = read(directory.path(), 7);
        assert_eq!(found.len(), NOTES);
        assert_eq!(found.first(), Some(&Sequence(10_000 - NOTES as u64 + 1)));
    }
}

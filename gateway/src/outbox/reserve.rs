//! Room kept for the moment when the disk is full.
//!
//! `outbox.reserve` takes [`BYTES`] of the disk. When a commit finds no room, the file is removed and the commit tried
//! again: alarms go on being accepted, and deliveries empty the file, while the gateway says that the disk is full. The
//! reserve is laid in again as soon as there is room.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What the reserve takes: the log at its largest, four times, and some hundred alarms.
pub(super) const BYTES: usize = 4 << 20;

/// Path of the reserve in this directory.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("outbox.reserve")
}

/// It is there, whole.
pub(super) fn is_laid_in(directory: &Path) -> bool {
    fs::metadata(path(directory)).is_ok_and(|file| file.len() == BYTES as u64)
}

/// Makes it where it is not there. Zeros really are written: a hole would reserve nothing.
///
/// # Errors
/// No room, or a disk that fails; nothing is left behind.
pub(super) fn lay_in(directory: &Path) -> std::io::Result<()> {
    if is_laid_in(directory) {
        return Ok(());
    }
    let path = path(directory);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; BYTES])?;
        file.sync_all()
    });
    written.inspect_err(|_| drop(fs::remove_file(&path)))
}

/// Gives its room up. Answers whether there was any.
///
/// # Errors
/// It cannot be removed.
pub(super) fn spend(directory: &Path) -> std::io::Result<bool> {
    match fs::remove_file(path(directory)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

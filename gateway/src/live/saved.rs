//! Whether the configuration file has been saved: it does not look as it did, and whoever writes it has let go of it. Pure:
//! time and the file's looks come in.
//!
//! It is looked at once a second instead of being told by the system (inotify): a look costs microseconds, and an editor that
//! writes in place, one that renames, `scp`, a link that is turned over (Kubernetes) and a network disk all look alike.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// A file that has not changed for so long is not half-written any more.
pub(super) const SETTLED: Duration = Duration::from_secs(3);

/// How a file looks from outside; other looks, another content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    /// Device and number.
    file: (u64, u64),
    bytes: u64,
    /// Seconds and nanoseconds since the Unix epoch.
    changed: (i64, i64),
}

/// The file that is looked at again and again.
#[derive(Debug)]
pub(super) struct Saved {
    last: Option<Looks>,
    /// When it began to look as it does now, where nobody has read it since.
    since: Option<Duration>,
}

// === impl Looks ===

impl Looks {
    /// None where there is no such file, as while an editor puts another in its place.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let about = fs::metadata(file).ok()?;
        let file = (about.dev(), about.ino());
        Some(Looks { file, bytes: about.size(), changed: (about.mtime(), about.mtime_nsec()) })
    }
}

// === impl Saved ===

impl Saved {
    /// A file that looks like this and has been read.
    pub(super) fn new(looks: Option<Looks>) -> Self {
        Saved { last: looks, since: None }
    }

    /// How it looks now; whether it is to be read.
    pub(super) fn look(&mut self, now: Duration, looks: Option<Looks>) -> bool {
        if looks != self.last {
            (self.last, self.since) = (looks, Some(now));
            return false;
        }
        let is_settled =
            looks.is_some() && self.since.is_some_and(|since| now.saturating_sub(since) >= SETTLED);
        if is_settled {
            self.since = None;
        }
        is_settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(bytes: u64, changed_s: i64) -> Option<Looks> {
        Some(Looks { file: (1, 7), bytes, changed: (changed_s, 0) })
    }

    /// The seconds at which a file is to be read that looks like this, one second after the other.
    fn read_at(saved: &mut Saved, seen: &[Option<Looks>]) -> Vec<u64> {
        let seconds = (0..).zip(seen);
        seconds.filter_map(|(s, looks)| saved.look(Duration::from_secs(s), *looks).then_some(s)).collect()
    }

    #[test]
    fn what_has_not_changed_is_not_read_and_what_has_is_read_once() {
        let mut saved = Saved::new(looks(10, 1));
        let seen = [[looks(10, 1); 2].as_slice(), &[looks(12, 5); 9]].concat();
        assert_eq!(read_at(&mut saved, &seen), [5]);
    }

    #[test]
    fn a_half_written_file_waits_for_its_other_half() {
        let mut saved = Saved::new(looks(1000, 1));
        // Emptied, written in three parts with pauses, and left alone.
        let seen =
            [[looks(0, 5)].as_slice(), &[looks(400, 6); 3], &[looks(800, 9); 2], &[looks(1100, 11); 5]]
                .concat();
        assert_eq!(read_at(&mut saved, &seen), [9], "3 s after the last part");
    }

    #[test]
    fn one_that_is_away_is_waited_for() {
        let mut saved = Saved::new(looks(10, 1));
        let seen = [[None; 6].as_slice(), &[looks(10, 1); 5]].concat();
        assert_eq!(read_at(&mut saved, &seen), [9], "it is read when it is back, and not before");
    }

    #[test]
    fn a_file_that_is_written_or_replaced_looks_other() {
        let directory = tempfile::tempdir().unwrap();
        let (file, other) = (directory.path().join("a"), directory.path().join("b"));
        assert_eq!(Looks::of(&file), None);
        fs::write(&file, "one").unwrap();
        let one = Looks::of(&file);
        fs::write(&file, "four").unwrap();
        let four = Looks::of(&file);
        fs::write(&other, "four").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(one.is_some() && one != four && four != Looks::of(&file));
    }
}

//! A disk of our own: an ext4 file system in a file, mounted through a loop device. What has not been synced is in the
//! memory of the file system and not in the file: a copy of the file is what a power cut leaves.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A mounted image; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    point: PathBuf,
}

/// What is mounted from now on is there for this process and its children alone, and ends with the last of them, however
/// it ends. To be called before there are other threads. Without root it does nothing, and nothing can be mounted.
pub(crate) fn keep_mounts_to_ourselves() {
    if unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("root may do that");
    }
}

/// Why there are no disks of our own here; none where there are.
pub(crate) fn impossible() -> Option<String> {
    let directory = tempfile::tempdir().ok()?;
    let image = directory.path().join("disk");
    let made = make(&image, 8).and_then(|()| Mounted::mount(&image, &directory.path().join("mounted")));
    made.err().map(|error| format!("cannot mount an image, which takes root: {error}"))
}

/// Makes an image of this size.
pub(crate) fn make(image: &Path, mebibytes: u64) -> Result<(), String> {
    let file = std::fs::File::create(image).map_err(|error| error.to_string())?;
    file.set_len(mebibytes << 20).map_err(|error| error.to_string())?;
    run(Command::new("/usr/sbin/mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0"])
        .arg(image))
}

/// Copies an image, holes and all.
pub(crate) fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--sparse=always").arg(from).arg(to)).expect("an image is copied");
}

/// Copies the image of a mounted disk as it is at one instant, and answers how many copies that took. A sync that is
/// under way when its caller is stopped goes on in the kernel: of what it writes meanwhile a copy may have the end and not
/// the beginning, such as the journal's new tail without the blocks that the tail has passed. No power cut leaves that.
pub(crate) fn copy_at_one_instant(from: &Path, to: &Path) -> usize {
    for copies in 1..100 {
        copy(from, to);
        if run(Command::new("cmp").arg("--silent").arg(from).arg(to)).is_ok() {
            return copies;
        }
    }
    panic!("{} is written to without a pause, by nobody", from.display());
}

// === impl Mounted ===

impl Mounted {
    pub(crate) fn mount(image: &Path, point: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(point).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-o", "loop,noatime"]).arg(image).arg(point))?;
        Ok(Self { point: point.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Somebody may still be closing a file in it.
        for _ in 0..50 {
            if run(Command::new("umount").arg(&self.point)).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(run(Command::new("umount").arg("--lazy").arg(&self.point)));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

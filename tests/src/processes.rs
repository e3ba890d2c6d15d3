//! Processes as Linux sees them, from `proc(5)`: who belongs to whom, what they used.

use std::fs;
use std::time::Duration;

/// Id of a process.
pub type Pid = u32;

/// What a process is and used, from `/proc/PID/stat`.
struct Stat {
    parent: Pid,
    dead: bool,
    /// User and system time of the process and of children that it has waited for.
    cpu: Duration,
}

/// Clock ticks of `/proc/PID/stat`, `USER_HZ`: 100 a second on every architecture that Linux runs on here.
const TICK: Duration = Duration::from_millis(10);

/// Living children of `parent` whose command line contains `argument`.
pub fn children(parent: Pid, argument: &str) -> Vec<Pid> {
    all()
        .filter(|&pid| is_child(pid, parent) && command_line(pid).iter().any(|part| part == argument))
        .collect()
}

/// `root` and its living descendants.
pub fn tree(root: Pid) -> Vec<Pid> {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(all().filter(|&pid| is_child(pid, parent)));
        next += 1;
    }
    tree
}

/// User and system time of `root`, its living descendants, and those that it has waited for.
pub fn cpu_time(root: Pid) -> Duration {
    tree(root).into_iter().filter_map(stat).map(|stat| stat.cpu).sum()
}

/// Proportional set size in bytes: memory of one process, shared pages divided among those who share them. The
/// resident set where the kernel does not tell. `None` for a process that is gone.
pub fn memory_bytes(pid: Pid) -> Option<u64> {
    kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
        .or_else(|| kibibytes(&format!("/proc/{pid}/status"), "VmRSS:"))
        .map(|kib| kib * 1024)
}

/// Whether the process is there and no zombie.
pub fn alive(pid: Pid) -> bool {
    stat(pid).is_some_and(|stat| !stat.dead)
}

fn all() -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc")
        .expect("tests run on Linux, with /proc mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn is_child(pid: Pid, parent: Pid) -> bool {
    stat(pid).is_some_and(|stat| stat.parent == parent && !stat.dead)
}

fn stat(pid: Pid) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; state is the first field behind it, number 3 in proc(5).
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    Some(Stat { parent: number(4)?, dead: matches!(fields.first(), Some(&"Z" | &"X")), cpu: TICK * ticks })
}

fn command_line(pid: Pid) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.split('\0').map(str::to_owned).collect()
}

fn kibibytes(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix("kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_is_seen_with_its_memory_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is everywhere");
        let me = std::process::id();
        crate::wait::eventually("the child runs sleep", Duration::from_secs(5), || {
            (children(me, "60") == [child.id()]).then_some(())
        });
        assert!(tree(me).contains(&child.id()));
        assert!(memory_bytes(child.id()).is_some_and(|bytes| bytes > 0));
        child.kill().expect("the child is ours");
        child.wait().expect("the child has ended");
        assert!(!alive(child.id()));
        assert!(children(me, "60").is_empty());
    }

    #[test]
    fn work_shows_as_processor_time() {
        let me = std::process::id();
        let before = cpu_time(me);
        crate::wait::eventually("50 ms of work are seen", Duration::from_secs(60), || {
            std::hint::black_box((0..1_000_000_u64).fold(0, u64::wrapping_add));
            (cpu_time(me).saturating_sub(before) >= Duration::from_millis(50)).then_some(())
        });
    }
}

//! Disks that are full, and disks that fail.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use moshao_tests::broker::Broker;
use nix::fcntl::posix_fallocate;

use crate::centre::Centre;
use crate::image::{self, Mounted};
use crate::journal::{Line as Told, Reader};
use crate::kills::{self, Life};
use crate::report::{Line, Outcome};
use crate::victim::Orders;

const IMAGE_MIB: u64 = 128;
/// How long to wait for a disk to be noticed as full, or as having room again.
const PATIENCE: Duration = Duration::from_secs(120);
const FULL_WANTED: &str = "0 lost, no crash, takes events again ≤ 5 s after there is room";

/// Fills the disk and frees it, so many times, under 200 events a second. The link is down: an outbox that is emptied all
/// the time goes round in the room that it has, and does not notice a full disk.
pub(crate) fn full(cycles: usize) -> Vec<Line> {
    if let Some(reason) = image::impossible() {
        return vec![Line::skipped("disk full", FULL_WANTED, reason)];
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (broker, image) = (Broker::start_keeping_sessions(), directory.path().join("disk"));
    let centre = Centre::listen(broker.port);
    image::make(&image, IMAGE_MIB).expect("an image is made");
    let disk = Mounted::mount(&image, &directory.path().join("mounted")).expect("an image is mounted");
    let journal = directory.path().join("journal");
    let orders = Orders::new(disk.path().join("data"), journal.clone(), "full");
    let mut story = Story { reader: Reader::new(journal), accepted: BTreeMap::new(), lines: Vec::new() };
    let mut victim = orders.spawn();
    story.wait("the first event is accepted", |line| matches!(line, Told::Accepted(_)));
    let (mut crashes, mut slowest, mut on_reserve) = (0, Duration::ZERO, 0);
    for _ in 0..cycles {
        let ballast = disk.path().join("ballast");
        story.lines.clear();
        let begin = Instant::now();
        while !story.news().iter().any(|line| matches!(line, Told::Refused(_))) && begin.elapsed() < PATIENCE
        {
            fill(&ballast);
            std::thread::sleep(Duration::from_millis(5));
        }
        let full = |line: &Told| *line == Told::Degraded("disk-full".to_owned());
        on_reserve += usize::from(story.lines.iter().any(full));
        std::thread::sleep(Duration::from_millis(100));
        std::fs::remove_file(&ballast).expect("the ballast goes");
        let freed = Instant::now();
        story.wait("events are taken again", |line| *line == Told::Recovered);
        slowest = slowest.max(freed.elapsed());
        crashes += usize::from(ended(&mut victim));
        std::thread::sleep(Duration::from_millis(200));
    }
    kills::kill(&mut victim);
    let last = Orders { broker: broker.port, count: Some(0), drain: true, tag: "last".to_owned(), ..orders };
    kills::wait(&mut last.spawn(), "the last run delivers what is left");
    story.news();
    settle(&centre, &story.accepted);
    let verdict = centre.with(|seen| seen.judge(&story.accepted));
    let told = centre.with(|seen| seen.told("OUTBOX_DEGRADED"));
    let good = verdict.is_clean()
        && crashes == 0
        && on_reserve == cycles
        && told >= 2 * cycles
        && slowest <= Duration::from_secs(5);
    vec![Line {
        what: format!("the disk full {cycles} times under 200 events/s"),
        figure: format!(
            "{verdict}; degraded mode entered and left {on_reserve} times and told in {told} events, {crashes} \
             crashes, takes events again {} ms after there is room at most",
            slowest.as_millis()
        ),
        wanted: FULL_WANTED,
        outcome: Outcome::of(good),
    }]
}

fn ended(victim: &mut Child) -> bool {
    victim.try_wait().expect("a child can be asked").is_some()
}

/// Takes all the room that there is, without writing into it.
fn fill(ballast: &Path) {
    let Ok(file) = File::options().create(true).append(true).open(ballast) else { return };
    let mut length = file.metadata().map_or(0, |file| file.len()) as i64;
    for bytes in [1 << 22, 1 << 16, 1 << 10] {
        while posix_fallocate(&file, length, bytes).is_ok() {
            length += bytes;
        }
    }
}

fn settle(centre: &Centre, accepted: &BTreeMap<String, Option<u64>>) {
    let begin = Instant::now();
    while !centre.with(|seen| accepted.keys().all(|id| seen.has(id))) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the victim has told so far.
struct Story {
    reader: Reader,
    accepted: BTreeMap<String, Option<u64>>,
    lines: Vec<Told>,
}

// === impl Story ===

impl Story {
    fn news(&mut self) -> Vec<Told> {
        let news = self.reader.news();
        for line in &news {
            if let Told::Accepted(id) = line {
                self.accepted.insert(id.clone(), None);
            }
        }
        self.lines.extend(news.iter().cloned());
        news
    }

    #[track_caller]
    fn wait(&mut self, what: &str, wanted: impl Fn(&Told) -> bool) {
        let begin = Instant::now();
        while !self.news().iter().any(&wanted) {
            assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// System calls through which the outbox meets its disk.
const CALLS: [&str; 7] = ["openat", "pread64", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink"];
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EROFS"];
const IO_WANTED: &str = "0 lost, goes on by itself after one error, says so while errors last";
/// An outbox that refuses an event says by then that its disk fails.
const SAYS_SO_WITHIN: Duration = Duration::from_secs(5);

/// An I/O error at every `step`th call, once and from then on.
pub(crate) fn errors(step: usize) -> Vec<Line> {
    if let Some(reason) = kills::no_tracer() {
        return vec![Line::skipped("I/O errors", IO_WANTED, reason)];
    }
    let mut life = Life::begin();
    let (mut places, mut said) = (0, 0);
    let (mut stuck, mut unsaid) = (Vec::new(), Vec::new());
    for call in CALLS {
        let calls = count(&life.orders_of("count", 40), call);
        for number in (1..=calls).step_by(step) {
            let error = ERRORS[places % ERRORS.len()];
            places += 1;
            let orders = life.orders_of(&format!("{call}{number}once"), 40);
            let mut victim = trace_all(&orders, call, &format!("error={error}:when={number}"));
            // A program that cannot even make its first file says so and ends; the next start is the next try.
            let ended = kills::wait(&mut victim, call);
            if !ended {
                stuck.push(format!("{error} at {call} {number}"));
            }
            life.listen();

            let orders = life.orders_of(&format!("{call}{number}on"), 40);
            let mut victim = trace_all(&orders, call, &format!("error={error}:when={number}+"));
            let (refused, degraded) = listen_to_hopeless(&mut victim, &mut life);
            if let (Some(reason), false) = (refused, degraded) {
                unsaid.push(format!("{error} at {call} {number} refuses with {reason}"));
            }
            said += usize::from(degraded);
        }
    }
    let (verdict, _) = life.end();
    vec![Line {
        what: format!("an I/O error (EIO, ENOSPC, EROFS in turn) at every {step}th call, once and for good"),
        figure: format!(
            "{verdict}; {places} places, {} did not go on after one error, degraded mode shown in {said} and kept quiet \
             in {} of those that lasted{}",
            stuck.len(),
            unsaid.len(),
            named(&[&stuck[..], &unsaid[..]].concat())
        ),
        wanted: IO_WANTED,
        outcome: Outcome::of(verdict.is_clean() && stuck.is_empty() && unsaid.is_empty() && said > 0),
    }]
}

/// Listens to a victim whose disk fails for good until it ends by itself, or has refused an event and had time to say why;
/// answers why it has refused, and whether it has shown its degraded mode.
fn listen_to_hopeless(victim: &mut Child, life: &mut Life) -> (Option<String>, bool) {
    let begin = Instant::now();
    let (mut refused, mut degraded) = (None, false);
    loop {
        let over = ended(victim) || begin.elapsed() > PATIENCE;
        for line in life.listen_to_all() {
            match line {
                Told::Refused(reason) => drop(refused.get_or_insert((reason, Instant::now()))),
                Told::Degraded(_) => degraded = true,
                _ => {}
            }
        }
        let enough = |since: &Instant| degraded || since.elapsed() > SAYS_SO_WITHIN;
        if over || refused.as_ref().is_some_and(|(_, since)| enough(since)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if !ended(victim) {
        kills::kill(victim);
        life.listen();
    }
    (refused.map(|(reason, _)| reason), degraded)
}

/// The first few, for people who look into it.
fn named(places: &[String]) -> String {
    if places.is_empty() { String::new() } else { format!(": {}", places[..places.len().min(5)].join(", ")) }
}

fn paths(orders: &Orders) -> Vec<String> {
    let names = ["outbox.db", "outbox.db-wal", "outbox.reserve"];
    names.map(|name| format!("--trace-path={}", orders.directory.join(name).display())).into()
}

/// How often a thread of an undisturbed victim makes this call about the outbox, at most.
fn count(orders: &Orders, call: &str) -> usize {
    let log = orders.journal.with_extension("calls");
    let mut words: Vec<String> = ["strace", "-f", "-qqq", "-o"].map(str::to_owned).into();
    words.extend([log.display().to_string(), format!("--trace={call}")]);
    words.extend(paths(orders));
    let mut victim = orders.command(&words).spawn().expect("strace starts");
    kills::wait(&mut victim, "counting calls");
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut of_thread: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains(call)) {
        *of_thread.entry(line.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    of_thread.into_values().max().unwrap_or(0)
}

fn trace_all(orders: &Orders, call: &str, fault: &str) -> Child {
    let mut words: Vec<String> = ["strace", "-f", "-qqq", "-o", "/dev/null"].map(str::to_owned).into();
    words.extend([format!("--trace={call}"), format!("--inject={call}:{fault}")]);
    words.extend(paths(orders));
    let mut command: Command = orders.command(&words);
    command.spawn().expect("strace starts")
}

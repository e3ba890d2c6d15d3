//! SIGKILL at random instants, and at chosen system calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use moshao_tests::broker::Broker;
use rand::Rng;

use crate::centre::Centre;
use crate::journal::{Line as Told, Reader};
use crate::report::{Line, Outcome};
use crate::verdict::{Arrivals, Verdict};
use crate::victim::Orders;

/// A victim that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The centre has heard nothing for so long: nothing more is on its way.
const QUIET: Duration = Duration::from_millis(20);
/// First publish after a start, at p99.
const FIRST_PUBLISH_LIMIT: Duration = Duration::from_secs(2);
/// Of fewer starts p99 is the slowest one, and says more about the machine than about the gateway.
const STARTS_FOR_P99: usize = 100;
/// Events that may come again for each kill: the window.
const DUPLICATES_A_KILL: usize = 32;
/// Events that wait when a victim begins to drain them. Batches, which begin when the alarms have gone, are few and large.
const BACKLOG: u64 = 1000;
const BACKLOG_IN_BATCHES: u64 = 3000;
/// Events of it that go out before a kill, at most: by their number and not by time, since a fast machine drains all of it
/// in 20 ms.
const DRAINED_MOST: usize = 500;
/// Fewer prove nothing.
const LEAST_ACCEPTED_A_KILL: usize = 10;

/// One gateway's life, over many deaths.
pub(crate) struct Life {
    directory: tempfile::TempDir,
    broker: Broker,
    centre: Centre,
    journal: Reader,
    accepted: BTreeMap<String, Option<u64>>,
    first_publish: Vec<Duration>,
    kills: usize,
}

// === impl Life ===

impl Life {
    pub(crate) fn begin() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let broker = Broker::start_keeping_sessions();
        let centre = Centre::listen(broker.port);
        let journal = Reader::new(directory.path().join("journal"));
        Life {
            directory,
            broker,
            centre,
            journal,
            accepted: BTreeMap::new(),
            first_publish: Vec::new(),
            kills: 0,
        }
    }

    /// Orders for a victim of this name that accepts so many events.
    pub(crate) fn orders_of(&self, tag: &str, count: u64) -> Orders {
        Orders { tag: tag.to_owned(), count: Some(count), ..self.orders() }
    }

    fn orders(&self) -> Orders {
        let path = |name: &str| self.directory.path().join(name);
        let tag = format!("r{}", self.kills);
        Orders { broker: self.broker.port, ..Orders::new(path("data"), path("journal"), tag) }
    }

    /// Reads the journal; answers whether a PUBACK stands in it.
    pub(crate) fn listen(&mut self) -> bool {
        self.listen_to_all().contains(&Told::Puback)
    }

    /// Reads the journal.
    pub(crate) fn listen_to_all(&mut self) -> Vec<Told> {
        let news = self.journal.news();
        for line in &news {
            if let Told::Accepted(id) = line {
                self.accepted.insert(id.clone(), None);
            }
        }
        news
    }

    fn buried(&mut self) {
        self.listen();
        // What the broker still has for the centre belongs to this death, not to the next.
        let mut heard = None;
        while heard != Some(self.centre.with(Arrivals::messages)) {
            heard = Some(self.centre.with(Arrivals::messages));
            std::thread::sleep(QUIET);
        }
        self.kills += 1;
        self.centre.gateway_died();
    }

    /// Lets a last victim deliver all that is left, and judges.
    pub(crate) fn end(mut self) -> (Verdict, Self) {
        let last = Orders { count: Some(0), drain: true, ..self.orders() };
        let mut child = last.spawn();
        wait(&mut child, "the last run delivers what is left");
        self.listen();
        let all = |life: &Self| life.centre.with(|seen| life.accepted.keys().all(|id| seen.has(id)));
        let begin = Instant::now();
        while !all(&self) && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        (self.centre.with(|seen| seen.judge(&self.accepted)), self)
    }

    /// The line of the table.
    fn line(self, what: String) -> Line {
        let (verdict, life) = self.end();
        let mut first = life.first_publish.clone();
        first.sort_unstable();
        let p99 = first.get(first.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
        let most_duplicates = life.centre.with(Arrivals::most_duplicates_a_death);
        let passed = verdict.is_clean()
            && most_duplicates <= DUPLICATES_A_KILL
            && (p99 <= FIRST_PUBLISH_LIMIT || first.len() < STARTS_FOR_P99)
            && verdict.accepted > 0;
        Line {
            what,
            figure: format!(
                "{verdict}, at most {most_duplicates} a kill; first publish after {} ms at p99 of {}",
                p99.as_millis(),
                first.len()
            ),
            wanted: "0 lost, 0 holes, ≤ 32 duplicates a kill, first publish ≤ 2000 ms at p99",
            outcome: Outcome::of(passed),
        }
    }
}

/// `rounds` kills at random instants, under 200 events a second: one in four while it starts, the others while it accepts.
pub(crate) fn at_random(rounds: usize) -> Vec<Line> {
    let mut life = Life::begin();
    for round in 0..rounds {
        let known = life.accepted.len();
        let begin = Instant::now();
        let mut victim = life.orders().spawn();
        let mut first = None;
        let mut listen = |life: &mut Life| {
            if life.listen() && first.is_none() {
                first = Some(begin.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        // On a busy machine a start takes longer than the dice allow: then nothing would be accepted that could be lost.
        if round % 4 != 0 {
            while life.accepted.len() == known && begin.elapsed() < PATIENCE {
                listen(&mut life);
            }
        }
        let death = Instant::now() + Duration::from_millis(rand::rng().random_range(0..800));
        while Instant::now() < death {
            listen(&mut life);
        }
        kill(&mut victim);
        life.first_publish.extend(first);
        life.buried();
    }
    let few = life.accepted.len() < rounds * LEAST_ACCEPTED_A_KILL;
    let mut line = life.line(format!("{rounds} SIGKILLs at random instants under 200 events/s"));
    if few {
        line.outcome = Outcome::Failed;
        line.figure.push_str("; too few accepted to say anything");
    }
    vec![line]
}

/// `rounds` kills while a backlog goes out as fast as it can, half of them while it goes in batches.
pub(crate) fn while_draining(rounds: usize) -> Vec<Line> {
    vec![draining(rounds.div_ceil(2), false), draining(rounds.div_ceil(2), true)]
}

fn draining(rounds: usize, batches: bool) -> Line {
    let mut life = Life::begin();
    let mut caught = 0;
    let backlog = if batches { BACKLOG_IN_BATCHES } else { BACKLOG };
    for _ in 0..rounds {
        let mut filler =
            Orders { broker: 0, rate: 0, ..life.orders_of(&format!("b{}", life.kills), backlog) }.spawn();
        wait(&mut filler, "it accepts a backlog");
        life.listen();
        let batched = life.centre.with(Arrivals::batched);
        let begin = Instant::now();
        let mut victim = Orders { drain: true, batches, ..life.orders_of("drains", 0) }.spawn();
        // Alarms go first: batches begin when they have all gone.
        let has_begun = |life: &mut Life| match batches {
            true => life.centre.with(Arrivals::batched) > batched,
            false => life.listen(),
        };
        while !has_begun(&mut life) && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        let heard = |life: &Life| life.centre.with(Arrivals::messages);
        let enough = heard(&life) + rand::rng().random_range(0..DRAINED_MOST);
        while heard(&life) < enough && victim.try_wait().expect("a child can be asked").is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        kill(&mut victim);
        life.buried();
        caught += usize::from(life.centre.with(|seen| life.accepted.keys().any(|id| !seen.has(id))));
    }
    let batched = life.centre.with(Arrivals::batched);
    let how = if batches { format!("in batches, {batched} events of it") } else { "one by one".to_owned() };
    let mut line =
        life.line(format!("{rounds} SIGKILLs while a backlog drains {how} ({caught} with some of it left)"));
    if caught * 2 < rounds || (batches && batched == 0) {
        line.outcome = Outcome::Failed;
        line.figure.push_str("; too few with something left, or in batches, to say anything");
    }
    line
}

/// A system call at which the victim dies, and which one of them.
struct Point {
    name: &'static str,
    call: &'static str,
    /// Only calls about this file of the outbox.
    file: Option<&'static str>,
    numbers: [u32; 2],
}

const fn point(
    name: &'static str,
    call: &'static str,
    file: Option<&'static str>,
    numbers: [u32; 2],
) -> Point {
    Point { name, call, file, numbers }
}

const DATABASE: Option<&str> = Some("outbox.db");
const LOG: Option<&str> = Some("outbox.db-wal");

/// Where a gateway can die between accepting and delivering.
const POINTS: [Point; 13] = [
    point("opening the file", "openat", DATABASE, [1, 1]),
    point("opening the log", "openat", LOG, [1, 2]),
    point("reading the file", "pread64", DATABASE, [1, 2]),
    point("writing the log's header", "pwrite64", LOG, [1, 2]),
    point("writing a transaction", "pwrite64", LOG, [7, 40]),
    point("syncing a transaction", "fsync", LOG, [1, 9]),
    point("writing back into the file", "pwrite64", DATABASE, [1, 3]),
    point("syncing the file", "fsync", DATABASE, [1, 1]),
    point("removing the log", "unlink", LOG, [1, 1]),
    point("connecting", "connect", None, [1, 1]),
    point("sending", "writev", None, [1, 12]),
    point("receiving PUBACKs", "recvfrom", None, [1, 8]),
    point("telling that it is accepted", "write", Some("journal"), [3, 20]),
];

/// `rounds` kills at each point.
pub(crate) fn at_points(rounds: usize) -> Vec<Line> {
    if let Some(reason) = no_tracer() {
        return vec![Line::skipped("SIGKILL at kill points", "0 lost", reason)];
    }
    let mut life = Life::begin();
    let (mut hit, mut untouched) = (0, Vec::new());
    for point in &POINTS {
        let mut died = 0;
        for round in 0..rounds {
            let number = rand::rng().random_range(point.numbers[0]..=point.numbers[1]);
            let orders = Orders { count: Some(40 + round as u64), ..life.orders() };
            let mut victim = trace(&orders, point.call, point.file, &format!("signal=SIGKILL:when={number}"))
                .spawn()
                .expect("strace starts");
            died += usize::from(!wait(&mut victim, point.name));
            life.buried();
        }
        hit += died;
        if died == 0 {
            untouched.push(point.name);
        }
    }
    let mut line =
        life.line(format!("{rounds} SIGKILLs at each of {} kill points ({hit} died there)", POINTS.len()));
    if !untouched.is_empty() {
        line.outcome = Outcome::Failed;
        line.figure = format!("{}; nobody died {}", line.figure, untouched.join(", "));
    }
    vec![line]
}

/// A victim under strace, which does something to its calls.
pub(crate) fn trace(orders: &Orders, call: &str, file: Option<&str>, fault: &str) -> Command {
    let mut words: Vec<String> = ["strace", "-f", "-qqq", "-o", "/dev/null"].map(str::to_owned).into();
    words.extend([format!("--trace={call}"), format!("--inject={call}:{fault}")]);
    if let Some(file) = file {
        let folder =
            if file == "journal" { orders.journal.parent() } else { Some(orders.directory.as_path()) };
        let path = folder.unwrap_or(Path::new("/")).join(file);
        words.push(format!("--trace-path={}", path.display()));
    }
    orders.command(&words)
}

/// Why there is no strace; none where there is.
pub(crate) fn no_tracer() -> Option<String> {
    let works = Command::new("strace").args(["-qqq", "-o", "/dev/null", "true"]).status();
    match works {
        Ok(status) if status.success() => None,
        Ok(_) => Some("strace may not trace here".to_owned()),
        Err(_) => Some("strace is not installed".to_owned()),
    }
}

/// Waits for the end; answers whether it was a good one.
#[track_caller]
pub(crate) fn wait(victim: &mut Child, doing: &str) -> bool {
    let begin = Instant::now();
    loop {
        if let Some(status) = victim.try_wait().expect("a child can be asked") {
            return status.success();
        }
        if begin.elapsed() > PATIENCE {
            kill(victim);
            panic!("a victim hangs: {doing}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn kill(victim: &mut Child) {
    victim.kill().expect("a child can be killed");
    victim.wait().expect("a killed child ends");
}

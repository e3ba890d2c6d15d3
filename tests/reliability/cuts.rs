//! Power cuts: the victim is stopped at a random instant, and what its disk holds then is what there is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moshao::metrics::Metrics;
use moshao::outbox::Cursor;
use moshao_tests::gateway_parts::open_outbox;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::Rng;

use crate::image::{self, Mounted};
use crate::journal::{Line as Told, Reader};
use crate::report::{Line, Outcome};
use crate::victim::Orders;

const IMAGE_MIB: u64 = 64;
/// How long the victim may take for its first event.
const START_LIMIT: Duration = Duration::from_secs(10);
const WANTED: &str = "0 accepted events lost, 0 files damaged";

/// `rounds` power cuts.
pub(crate) fn cuts(rounds: usize) -> Vec<Line> {
    if let Some(reason) = image::impossible() {
        return vec![Line::skipped("power cuts", WANTED, reason)];
    }
    let directory = tempfile::tempdir().expect("a directory");
    let template = directory.path().join("new.img");
    image::make(&template, IMAGE_MIB).expect("an image is made");
    let (mut accepted, mut lost, mut cuts_with_loss, mut damaged, mut in_a_sync) = (0, 0, 0, 0, 0);
    let mut kept = Vec::new();
    for round in 0..rounds {
        let cut = cut(&template, round);
        accepted += cut.accepted;
        lost += cut.lost;
        cuts_with_loss += usize::from(cut.lost > 0);
        damaged += usize::from(cut.damaged);
        in_a_sync += usize::from(cut.in_a_sync);
        kept.extend(cut.kept);
    }
    let kept = if kept.is_empty() { String::new() } else { format!("; kept: {}", kept.join(" ")) };
    vec![Line {
        what: format!("{rounds} power cuts while it writes as fast as it can"),
        figure: format!(
            "{accepted} accepted, {lost} lost in {cuts_with_loss} cuts, {damaged} files damaged; {in_a_sync} cuts while \
             a sync was under way{kept}"
        ),
        wanted: WANTED,
        outcome: Outcome::of(lost == 0 && damaged == 0 && accepted > rounds),
    }]
}

struct Cut {
    accepted: usize,
    lost: usize,
    damaged: bool,
    /// The disk was being written to.
    in_a_sync: bool,
    /// Where disk and journal of a cut with loss lie.
    kept: Option<String>,
}

fn cut(template: &Path, round: usize) -> Cut {
    // Files of its own: a disk of the last round that is still being unmounted must not write into this one.
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    image::copy(template, &path("live.img"));
    let live = Mounted::mount(&path("live.img"), &path("live")).expect("an image is mounted");
    let journal = path("journal");
    let orders = Orders {
        rate: 0,
        deliver_half: true,
        ..Orders::new(live.path().join("data"), journal.clone(), format!("c{round}"))
    };
    let mut victim = orders.spawn();
    let begin = Instant::now();
    while std::fs::metadata(&journal).map_or(0, |journal| journal.len()) == 0 && begin.elapsed() < START_LIMIT
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(rand::rng().random_range(0..500)));
    let id = Pid::from_raw(victim.id().try_into().expect("process ids are positive i32"));
    kill(id, Signal::SIGSTOP).expect("a child can be stopped");
    // What was accepted by now is on the disk, whatever a thread that has not come to its stop yet still does.
    let mut journal = Reader::new(journal);
    let mut told = journal.news();
    let copies = image::copy_at_one_instant(&path("live.img"), &path("crashed.img"));
    told.extend(journal.news().into_iter().filter(|line| matches!(line, Told::Delivered(_))));
    crate::kills::kill(&mut victim);
    drop(live);

    let crashed = Mounted::mount(&path("crashed.img"), &path("crashed")).expect("ext4 replays its journal");
    let (stored, damaged) = stored(&crashed.path().join("data"));
    let mut waiting: BTreeSet<&String> = BTreeSet::new();
    for line in &told {
        match line {
            Told::Accepted(id) => drop(waiting.insert(id)),
            Told::Delivered(id) => drop(waiting.remove(id)),
            _ => {}
        }
    }
    let accepted = told.iter().filter(|line| matches!(line, Told::Accepted(_))).count();
    let lost = waiting.iter().filter(|id| !stored.contains(id.as_str())).count();
    drop(crashed);
    // Whoever looks into a loss needs the disk and the journal.
    let kept = (lost > 0).then(|| directory.keep().display().to_string());
    Cut { accepted, lost, damaged, in_a_sync: copies > 1, kept }
}

/// Ids of the events that the outbox in this directory holds, and whether its file was damaged.
fn stored(directory: &Path) -> (BTreeSet<String>, bool) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (outbox, recovered) = open_outbox(directory, 256 << 20, &Arc::new(Metrics::new()));
        let rows = outbox.next(Cursor::default(), usize::MAX >> 1).await.expect("readable");
        outbox.close().await;
        let id = |body: &[u8]| {
            let event: serde_json::Value = serde_json::from_slice(body).expect("events are JSON");
            event["id"].as_str().expect("events have an id").to_owned()
        };
        (rows.iter().map(|row| id(&row.body)).collect(), recovered.quarantined.is_some())
    })
}

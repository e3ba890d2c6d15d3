//! What a sleeping camera misses: `moshao replay` with the gate and without, over the same camera-like compositions.
//!
//! Every composition knows when it is quiet ([`moshao_tests::compose`]). Both replays run at the same time, each in a
//! process of its own, with media time as the clock: what is found does not depend on how fast the machine is. What is
//! found without the gate is what there was to find. A row is kept in a [`Record`] as soon as it is measured; at the end
//! comes the table of all rows of this run that are there.

mod matching;
mod recipes;
mod replay;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use moshao_tests::footage::data_dir;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::report;
use matching::Compared;
pub(crate) use recipes::Extent;
use recipes::{Case, Watch};

/// How long an incident outlasts what it is about.
const CLEAR_AFTER: &str = "3s";

/// One composition, measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) footage: String,
    pub(crate) camera: String,
    pub(crate) length_s: f64,
    pub(crate) key_frame_every_s: u32,
    pub(crate) compared: Compared,
    /// Share of all pictures that were decoded, looks among them.
    pub(crate) decoded_share: f64,
    /// Processor time with the gate, seconds.
    pub(crate) cpu_with_s: f64,
    /// Processor time without it, seconds.
    pub(crate) cpu_without_s: f64,
}

/// What is to be measured.
pub(crate) struct Wish {
    pub(crate) extent: Extent,
    /// Folder of videos, in place of those of the test data.
    pub(crate) footage: Option<PathBuf>,
    /// Where compositions are kept.
    pub(crate) compositions: PathBuf,
    /// Where what has been measured is kept.
    pub(crate) results: PathBuf,
    /// Parts of names; a row is measured whose name holds one of them, every row where there are none.
    pub(crate) rows: Vec<String>,
}

/// Measures what is not in the record yet, and prints the table.
pub(crate) fn measure(Wish { extent, footage, compositions, results, rows: wanted }: &Wish) {
    let data =
        data_dir().expect("the benchmark needs footage and models; set MOSHAO_TEST_DATA to their folder");
    let videos = footage.clone().unwrap_or_else(|| data.join("videos"));
    let mut record: Record<Row> = Record::open(results);
    let cases = recipes::cases(&videos, *extent);
    let is_wanted = |case: &&Case| crate::is_wanted(wanted, &case.recipe.name);
    let missing: Vec<&Case> =
        cases.iter().filter(is_wanted).filter(|case| record.get(case.recipe.id()).is_none()).collect();
    let begin = Instant::now();
    for (done, case) in missing.iter().enumerate() {
        record.add(case.recipe.id(), row(case, &data, compositions));
        report::progress(&format!("{} of {} after {} s", done + 1, missing.len(), begin.elapsed().as_secs()));
    }
    let rows: Vec<&Row> = cases.iter().filter_map(|case| record.get(case.recipe.id())).collect();
    table::print(&rows, cases.len(), record.days());
}

fn row(case: &Case, data: &Path, compositions: &Path) -> Row {
    let name = &case.recipe.name;
    report::progress(&format!("{name}: composing, unless it is there"));
    let composed = case.recipe.compose(compositions);
    let folder = tempfile::tempdir().expect("a directory for the configuration");
    let config = folder.path().join("moshao.toml");
    std::fs::write(&config, configuration(case.watch, data)).expect("the configuration is written");
    report::progress(&format!(
        "{name}: {:.0} s of footage with the gate and without",
        composed.truth.length_s
    ));
    let (with, without) = std::thread::scope(|threads| {
        let play = |gate| replay::play(&config, &composed.file, gate).watching_for(case.watch.labels());
        let with = threads.spawn(move || play("on"));
        let without = play("off");
        (with.join().expect("the replay with the gate ends well"), without)
    });
    let compared = matching::compare(&composed.truth, &without, &with);
    table::explain(name, &composed.truth, &compared, &with);
    Row {
        footage: case.footage.clone(),
        camera: case.camera.name.to_owned(),
        length_s: composed.truth.length_s,
        key_frame_every_s: case.camera.key_frame_every_s,
        compared,
        decoded_share: (with.decoded + with.looks) / without.decoded.max(1.0),
        cpu_with_s: with.cpu_s,
        cpu_without_s: without.cpu_s,
    }
}

fn configuration(watch: Watch, data: &Path) -> String {
    let yolox = data.join("models/yolox_nano.onnx");
    let (detector, section) = match watch {
        Watch::Fire => ("moshao-fire", String::new()),
        Watch::Traffic => ("yolox-nano", format!("[detector.yolox-nano]\nfile = \"{}\"\n", yolox.display())),
    };
    let labels = watch.labels();
    format!(
        "[gateway]\nid = \"gw-bench\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
         [uplink]\nurl = \"mqtt://127.0.0.1:1883\"\n{section}\
         [camera.gate]\nurl = \"rtsp://127.0.0.1/stream\"\ndetector = \"{detector}\"\nwatches = [\"seen\"]\n\
         [rule.seen]\nobject = {{ labels = {labels:?}, at_least = 3, within = \"2s\" }}\nlevel = 3\n\
         category = \"security\"\nkind = \"seen\"\nclear_after = \"{CLEAR_AFTER}\"\n"
    )
}

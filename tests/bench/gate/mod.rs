//! What a sleeping camera misses: `moshao replay` with the gate and without, over the same camera-like compositions.
//!
//! Every composition knows when it is quiet ([`moshao_tests::compose`]). Both replays run at the same time, each in a
//! process of its own. What is found without the gate is what there was to find.

mod matching;
mod recipes;
mod replay;
mod table;

use std::path::Path;

use moshao_tests::footage::data_dir;

use crate::report;
use matching::Compared;
use recipes::{Case, Watch};

/// How long an incident outlasts what it is about.
const CLEAR_AFTER: &str = "3s";

/// One composition, measured.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) length_s: f64,
    pub(crate) key_frame_every_s: u32,
    pub(crate) compared: Compared,
    /// Processor time with the gate, seconds.
    pub(crate) cpu_with_s: f64,
    /// Processor time without it, seconds.
    pub(crate) cpu_without_s: f64,
}

/// Measures and prints the table.
pub(crate) fn measure(is_short: bool, compositions: &Path) {
    let data =
        data_dir().expect("the benchmark needs footage and models; set MOSHAO_TEST_DATA to their folder");
    let cases = recipes::cases(&data.join("videos"), is_short);
    let rows: Vec<Row> = cases.iter().map(|case| row(case, &data, compositions)).collect();
    table::print(&rows);
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
        let with = threads.spawn(|| replay::play(&config, &composed.file, "on"));
        let without = replay::play(&config, &composed.file, "off");
        (with.join().expect("the replay with the gate ends well"), without)
    });
    let compared = matching::compare(&composed.truth, &without, &with);
    table::explain(name, &composed.truth, &compared, &with);
    Row {
        name: name.clone(),
        length_s: composed.truth.length_s,
        key_frame_every_s: case.recipe.camera.key_frame_every_s,
        compared,
        cpu_with_s: with.cpu_s,
        cpu_without_s: without.cpu_s,
    }
}

fn configuration(watch: Watch, data: &Path) -> String {
    let yolox = data.join("models/yolox_nano.onnx");
    let (detector, section, labels) = match watch {
        Watch::Fire => ("moshao-fire", String::new(), "\"fire\", \"smoke\""),
        Watch::Traffic => (
            "yolox-nano",
            format!("[detector.yolox-nano]\nfile = \"{}\"\n", yolox.display()),
            "\"person\", \"bicycle\", \"car\", \"motorcycle\", \"bus\", \"truck\"",
        ),
    };
    format!(
        "[gateway]\nid = \"gw-bench\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
         [uplink]\nurl = \"mqtt://127.0.0.1:1883\"\n{section}\
         [camera.gate]\nurl = \"rtsp://127.0.0.1/stream\"\ndetector = \"{detector}\"\nwatches = [\"seen\"]\n\
         [rule.seen]\nobject = {{ labels = [{labels}], at_least = 3, within = \"2s\" }}\nlevel = 3\n\
         category = \"security\"\nkind = \"seen\"\nclear_after = \"{CLEAR_AFTER}\"\n"
    )
}

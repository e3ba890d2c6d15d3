//! Real exports of the usual toolchains against what each toolchain itself finds with them.
//!
//! `testdata/exports/run.py` makes them; `MOSHAO_EXPORTS` names the folder. The test prints the table of
//! `testdata/exports.md`. Allowed: overlap of 0.98 or more, score within 0.01, and one detection of each picture beyond
//! that, since where two candidates overlap by just the limit, the last digit decides which of them remains.

use std::path::PathBuf;

use moshao_inference::detector::{Detector, ModelSource, Settings};
use serde::Deserialize;

use crate::common::{self, skip};
use crate::golden::{EXACT, Expected, differences};

/// One export, and what its toolchain finds.
#[derive(Deserialize)]
struct Export {
    name: String,
    toolchain: String,
    family: String,
    /// Family that the configuration has to name, where the file alone does not tell it.
    asked: Option<String>,
    input: String,
    threshold: f32,
    detections: Vec<Expected>,
}

#[test]
fn real_exports_find_what_their_own_toolchains_find() {
    let Some(folder) = std::env::var_os("MOSHAO_EXPORTS").map(PathBuf::from) else {
        return skip("no real exports; make some with testdata/exports/run.py and set MOSHAO_EXPORTS");
    };
    let files = std::fs::read_dir(&folder).expect("MOSHAO_EXPORTS is a folder").map(|e| e.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|f| f.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "no exports in {}", folder.display());
    let mut problems = Vec::new();
    println!("| export | toolchain | family | input | detections | differ |\n|---|---|---|---|---|---|");
    for file in files {
        let export: Export = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let Some(frame) = common::frame(&export.input, 0) else { return };
        let (name, model) = (&export.name, ModelSource::File(file.with_extension("onnx")));
        let (threshold, family) = (Some(export.threshold), export.asked.clone());
        let settings = Settings { threshold, family, ..Settings::default() };
        let mut detector = match Detector::open(&model, &settings) {
            Ok(detector) => detector,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let found = match detector.detect(&frame.view()) {
            Ok(found) => found,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let differ: Vec<String> =
            differences(&export.detections, &found, export.threshold + 0.01, EXACT).collect();
        let (count, what) = (export.detections.len(), detector.description());
        println!(
            "| {name} | {} | {} | {}x{} | {count} | {} |",
            export.toolchain,
            what.family,
            what.width,
            what.height,
            differ.len()
        );
        if what.family != export.family {
            problems.push(format!("{name}: taken for {}, is {}", what.family, export.family));
        }
        // One that is another counts twice: as missing, and as not in the reference.
        if differ.len() > 2 {
            problems.extend(differ.iter().map(|d| format!("{name}: {d}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

//! Planted defects: each is a change of the product's source, and a suite must notice it.
//!
//! The workspace is copied, all defects are planted in the copy, each behind a switch in the environment, and the copy
//! is built once under another name. That program runs a suite on itself for each defect, with the defect switched on. A
//! change whose place is no longer there is a failure too: the defect has to be planted anew. The short form builds
//! nothing and looks for the places alone.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::list::{Change, DEFECTS, Defect};
use crate::report::{self, Line, Outcome};

/// Holds the name of the defect that is switched on.
const SWITCH: &str = "MOSHAO_PLANTED_DEFECT";
const PROGRAM: &str = "reliability-defect";
const WANTED: &str = "seen";
/// A suite gives its verdict within this time, whatever it meets.
const VERDICT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Plants all defects and shows that the first `count` of them are seen; with none, that all could be planted.
pub(crate) fn planted(count: usize) -> Vec<Line> {
    if count == 0 {
        return vec![places()];
    }
    match build() {
        Err(error) => {
            let what = format!("{} planted defects", DEFECTS.len());
            vec![Line { what, figure: error, wanted: WANTED, outcome: Outcome::Failed }]
        }
        Ok(program) => DEFECTS.iter().take(count).map(|defect| look_for(&program, defect)).collect(),
    }
}

fn look_for(program: &Path, defect: &Defect) -> Line {
    report::progress(&format!("{} in front of {}", defect.name, defect.seen_by));
    let (outcome, figure) = match verdict(program, defect) {
        None => (Outcome::Failed, format!("no verdict within {} s", VERDICT_LIMIT.as_secs())),
        Some((_, table)) if table.contains("skipped: ") => {
            (Outcome::Skipped(cell(&table, "skipped: ")), String::new())
        }
        Some((true, _)) => (Outcome::Failed, "NOT seen".to_owned()),
        Some((false, table)) => (Outcome::Passed, format!("seen: {}", failed(&table))),
    };
    report::progress(&figure);
    let figure = format!("{}: {figure}", defect.seen_by);
    Line { what: format!("planted: {}", defect.what), figure, wanted: WANTED, outcome }
}

/// Whether the suite passes with the defect switched on, and its table; `None` where it comes to no end.
fn verdict(program: &Path, defect: &Defect) -> Option<(bool, String)> {
    let table = tempfile::NamedTempFile::new().expect("a file for the table");
    let mut suite = Command::new(program)
        .arg(defect.seen_by)
        .env(SWITCH, defect.name)
        .stdout(table.reopen().expect("the table's file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the changed program starts");
    let begin = Instant::now();
    loop {
        if let Some(status) = suite.try_wait().expect("a child can be asked") {
            let text = fs::read_to_string(table.path()).unwrap_or_default();
            return Some((status.success(), text));
        }
        if begin.elapsed() > VERDICT_LIMIT {
            crate::kills::kill(&mut suite);
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What stands behind these words in a table, up to the end of the cell.
fn cell(table: &str, words: &str) -> String {
    let (_, rest) = table.split_once(words).unwrap_or_default();
    rest.split(" |").next().unwrap_or_default().to_owned()
}

/// The figure of the first line that failed.
fn failed(table: &str) -> String {
    let line = table.lines().find(|line| line.contains("**FAILED**")).unwrap_or_default();
    line.split(" | ").nth(1).unwrap_or("it ended without a table").to_owned()
}

/// Whether each defect still has its place in the source.
fn places() -> Line {
    let changes =
        || DEFECTS.iter().flat_map(|defect| defect.changes.iter().map(move |change| (defect, change)));
    let gone: Vec<String> = changes()
        .filter_map(|(defect, change)| {
            find(&workspace_root().join(change.file), change.right)
                .err()
                .map(|why| format!("{}: {why}", defect.name))
        })
        .collect();
    let figure = match gone.is_empty() {
        true => format!("{} changes of the source have their places", changes().count()),
        false => gone.join("; "),
    };
    Line {
        what: format!("{} defects could be planted", DEFECTS.len()),
        figure,
        wanted: "all; the long form plants them",
        outcome: Outcome::of(gone.is_empty()),
    }
}

/// Builds the changed copy into the folder of this very program, where everything that has not changed is built already.
fn build() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = own.parent().ok_or("this program lies in no folder")?;
    let target = profile.parent().ok_or("this program lies in no target folder")?;
    // The same place each time: built anew is only what has changed since.
    let workspace = target.join("planted");
    copy_workspace(&workspace)?;
    for defect in &DEFECTS {
        for change in defect.changes {
            plant(&workspace, defect.name, change)?;
        }
    }
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--offline", "-p", "moshao-tests"]);
    command.args(["--features", "measure", "--bin", PROGRAM]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let output = command
        .current_dir(&workspace)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if output.status.success() {
        Ok(profile.join(PROGRAM))
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("does not build: {}", said.lines().take(8).collect::<Vec<_>>().join(" ")))
    }
}

/// Copies what cargo needs, under another name for the program.
fn copy_workspace(to: &Path) -> Result<(), String> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(|error| format!("an old copy cannot be removed: {error}"))?;
    }
    fs::create_dir_all(to).map_err(|error| format!("no folder for the copy: {error}"))?;
    for part in ["Cargo.toml", "Cargo.lock", "config", "inference", "gateway", "tests"] {
        // With its times: cargo compiles what is newer than before.
        let status = Command::new("cp").arg("-a").arg(workspace_root().join(part)).arg(to).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("{part} cannot be copied"));
        }
    }
    let name = |name: &str| format!(r#"name = "{name}""#);
    replace(&to.join("tests/Cargo.toml"), &name("reliability"), &name(PROGRAM))?;
    // Cargo tells the crates of two copies apart by their version, not by their place: without this one the next build of
    // the workspace itself would take the changed crates for its own.
    let version = "[workspace.package]\nversion = \"";
    replace(&to.join("Cargo.toml"), version, &format!("{version}0.0.0-planted+"))
}

fn plant(workspace: &Path, switch: &str, change: &Change) -> Result<(), String> {
    let is_on = format!(r#"std::env::var("{SWITCH}").is_ok_and(|name| name == "{switch}")"#);
    replace(&workspace.join(change.file), change.right, &change.wrong.replace("PLANTED", &is_on))
}

/// The source, in which the place of a change must be there once.
fn find(path: &Path, right: &str) -> Result<String, String> {
    let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match source.matches(right).count() {
        1 => Ok(source),
        places => Err(format!("'{right}' is there {places} times in {}: plant it anew", path.display())),
    }
}

fn replace(path: &Path, right: &str, wrong: &str) -> Result<(), String> {
    let source = find(path, right)?;
    fs::write(path, source.replace(right, wrong)).map_err(|error| format!("{}: {error}", path.display()))
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a workspace").to_owned()
}

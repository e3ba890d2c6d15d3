//! Planted defects: each is a change of the product's source, and a suite must notice it.
//!
//! The workspace is copied, all defects are planted in the copy, each behind a switch in the environment, and the copy
//! is built once under another name. That program runs a suite on itself for each defect, with the defect switched on. A
//! change whose place is no longer there is a failure too: the defect has to be planted anew.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use self::list::{Change, DEFECTS, Defect};
use crate::report::{self, Line, Outcome};

/// Holds the name of the defect that is switched on.
const SWITCH: &str = "MOSHAO_PLANTED_DEFECT";
const PROGRAM: &str = "reliability-defect";
const WANTED: &str = "seen";

/// Plants all defects and shows that the first `count` of them are seen.
pub(crate) fn planted(count: usize) -> Vec<Line> {
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
    let output = Command::new(program).arg(defect.seen_by).env(SWITCH, defect.name).output();
    let output = output.expect("the changed program starts");
    let outcome = match skipped(&output) {
        Some(reason) => Outcome::Skipped(reason),
        // A panic of the suite (it waited in vain) is as good as a verdict.
        None => Outcome::of(!output.status.success()),
    };
    let seen = if outcome == Outcome::Passed { "seen" } else { "NOT seen" };
    report::progress(seen);
    Line {
        what: format!("planted: {}", defect.what),
        figure: format!("{seen} by {}", defect.seen_by),
        wanted: WANTED,
        outcome,
    }
}

/// Why the suite could not look.
fn skipped(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, reason) = text.split_once("skipped: ")?;
    Some(reason.split(" |").next().unwrap_or_default().to_owned())
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
    command.args(["build", "--quiet", "--offline", "-p", "moshao-tests", "--bin", PROGRAM]);
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

fn replace(path: &Path, right: &str, wrong: &str) -> Result<(), String> {
    let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let places = source.matches(right).count();
    if places != 1 {
        return Err(format!("'{right}' is there {places} times in {}: plant it anew", path.display()));
    }
    fs::write(path, source.replace(right, wrong)).map_err(|error| format!("{}: {error}", path.display()))
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a workspace").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_defect_has_its_place_in_the_source() {
        for change in DEFECTS.iter().flat_map(|defect| defect.changes) {
            let source =
                fs::read_to_string(workspace_root().join(change.file)).expect("a file of the workspace");
            assert_eq!(source.matches(change.right).count(), 1, "{}: {}", change.file, change.right);
            assert!(change.wrong.contains("PLANTED"), "no switch in {}", change.wrong);
        }
    }
}

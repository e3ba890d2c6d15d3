//! Planted defects: each is one change of the product's source, and the suite that must notice it.
//!
//! The workspace is copied, changed and built under another name; the changed program runs the suite on itself. A change
//! whose place is no longer there is a failure too: the defect has to be planted anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::{Line, Outcome};

/// One defect.
struct Defect {
    what: &'static str,
    file: &'static str,
    /// Must stand there exactly once.
    right: &'static str,
    wrong: &'static str,
    /// Suite and amount that must fail.
    seen_by: &'static str,
}

const DEFECTS: [Defect; 11] = [
    Defect {
        what: "`synchronous=NORMAL`: commits are not synced",
        file: "gateway/src/outbox/open.rs",
        right: r#"("synchronous", "FULL")"#,
        wrong: r#"("synchronous", "NORMAL")"#,
        seen_by: "cuts=40",
    },
    Defect {
        what: "accepted before the commit",
        file: "gateway/src/outbox/owner.rs",
        right: "self.waiting.push(Pending { entry, handed_over, reply });",
        wrong: "drop(reply.send(Ok(vec![Sequence(1); entry.events().len()]))); let (reply, _) = oneshot::channel(); \
                self.waiting.push(Pending { entry, handed_over, reply });",
        seen_by: "kills=60",
    },
    Defect {
        what: "deleted when sent, not when acknowledged",
        file: "gateway/src/uplink/feed.rs",
        right: "let (topic, body) = (waiting.topic.clone(), waiting.body.clone());",
        wrong: "let (topic, body) = (waiting.topic.clone(), waiting.body.clone()); \
                self.acknowledged.push(waiting.sequence);",
        seen_by: "scripts=300",
    },
    Defect {
        what: "the client's event loop goes on after a broken link",
        file: "gateway/src/uplink/wire/v3.rs",
        right: "if signals.send(told).await.is_err() || broken {",
        wrong: "if broken { continue; } if signals.send(told).await.is_err() {",
        seen_by: "scripts=300",
    },
    Defect {
        what: "a PUBACK is taken for the oldest publish",
        file: "gateway/src/uplink/in_flight.rs",
        right: "self.sent.remove(&packet).map",
        wrong: "self.sent.keys().copied().min().and_then(|oldest| self.sent.remove(&oldest)).map",
        seen_by: "scripts=300",
    },
    Defect {
        what: "a silent broker is waited for",
        file: "gateway/src/uplink/watchdog.rs",
        right: "(waits >= PUBACK_LIMIT).then_some(Expired::NoPuback(PUBACK_LIMIT))",
        wrong: "let _ = waits; None",
        seen_by: "scripts=200",
    },
    Defect {
        what: "checksums of events are not looked at",
        file: "gateway/src/outbox/store.rs",
        right: "Ok(expected.is_none_or(|expected| expected == sum))",
        wrong: "Ok(expected.is_none_or(|expected| expected == sum) || true)",
        seen_by: "bits=300",
    },
    Defect {
        what: "what lies behind a damaged place in the log is passed over",
        file: "gateway/src/outbox/log.rs",
        right: "return if later { Ending::Damaged } else { Ending::Sound };",
        wrong: "return if later { Ending::Sound } else { Ending::Sound };",
        seen_by: "bits=300",
    },
    Defect {
        what: "events given up are not declared",
        file: "gateway/src/outbox/writer.rs",
        right: "if let Some(gap) = gap {",
        wrong: "if let Some(gap) = gap.filter(|gap| gap.count == 0) {",
        seen_by: "quota=5000",
    },
    Defect {
        what: "alarms wait behind the backlog",
        file: "gateway/src/outbox/store.rs",
        right: "[(Class::Alarm, after.alarm), (Class::Event, after.event)]",
        wrong: "[(Class::Event, after.event), (Class::Alarm, after.alarm)]",
        seen_by: "offline=1",
    },
    Defect {
        what: "after a full disk the outbox stays shut",
        file: "gateway/src/outbox/owner.rs",
        right: "if !self.degraded.is_on() || reserve::lay_in(&self.settings.directory).is_err() {",
        wrong: "if self.degraded.is_on() || reserve::lay_in(&self.settings.directory).is_err() {",
        seen_by: "full=1",
    },
];

/// Plants the first `count` defects.
pub(crate) fn planted(count: usize) -> Vec<Line> {
    let folder = tempfile::tempdir().expect("a directory");
    copy_workspace(folder.path());
    DEFECTS.iter().take(count).map(|defect| plant(folder.path(), defect)).collect()
}

fn plant(workspace: &Path, defect: &Defect) -> Line {
    let what = format!("planted: {}", defect.what);
    let wanted = "seen";
    let path = workspace.join(defect.file);
    let source = fs::read_to_string(&path).expect("a file of the workspace");
    let places = source.matches(defect.right).count();
    if places != 1 {
        let figure = format!("its place in {} is there {places} times: plant it anew", defect.file);
        return Line { what, figure, wanted, outcome: Outcome::Failed };
    }
    fs::write(&path, source.replace(defect.right, defect.wrong)).expect("the copy can be written");
    let built = build(workspace);
    let line = match built {
        Err(error) => Line { what, figure: error, wanted, outcome: Outcome::Failed },
        Ok(program) => {
            let output =
                Command::new(program).arg(defect.seen_by).output().expect("the changed program starts");
            let text = String::from_utf8_lossy(&output.stdout);
            // A panic of the suite (it waited in vain) is as good as a verdict.
            let seen = !output.status.success() && !text.contains("skipped:");
            let figure = if seen { "seen" } else { "NOT seen" };
            Line {
                what,
                figure: format!("{figure} by {}", defect.seen_by),
                wanted,
                outcome: Outcome::of(seen),
            }
        }
    };
    fs::write(&path, source).expect("the copy can be written");
    line
}

/// Copies what cargo needs, under another name for the program.
fn copy_workspace(to: &Path) {
    let root = workspace_root();
    for part in ["Cargo.toml", "Cargo.lock", "config", "inference", "gateway", "tests"] {
        let status = Command::new("cp").arg("-r").arg(root.join(part)).arg(to).status().expect("cp is there");
        assert!(status.success(), "{part} cannot be copied");
    }
    let manifest = to.join("tests/Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    fs::write(&manifest, text.replace(r#"name = "reliability""#, r#"name = "reliability-defect""#))
        .expect("the copy can be written");
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a workspace").to_owned()
}

/// Builds into the folder of this very program, where everything that has not changed is built already.
fn build(workspace: &Path) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = own.parent().ok_or("this program lies in no folder")?;
    let target = profile.parent().ok_or("this program lies in no target folder")?;
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--offline", "-p", "moshao-tests", "--bin", "reliability-defect"]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let output = command
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "1")
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if output.status.success() {
        Ok(profile.join("reliability-defect"))
    } else {
        Err(format!(
            "does not build: {}",
            String::from_utf8_lossy(&output.stderr).lines().take(3).collect::<String>()
        ))
    }
}

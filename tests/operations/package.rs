//! The Debian package, built by `deploy/package` from the binary under test, and the unit in it.
//!
//! `deploy/try-package` installs it in a bare root and runs it there; that wants root and a package archive.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use moshao_tests::gateway::binary;

const UNIT: &str = "lib/systemd/system/moshao.service";

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// The package, unpacked: its files and, under `DEBIAN`, what dpkg is told.
fn unpacked(folder: &Path) -> PathBuf {
    let built = run(Command::new(checkout().join("deploy/package"))
        .arg("--binary")
        .arg(binary())
        .arg("--out")
        .arg(folder));
    let package = String::from_utf8(built.stdout).expect("a path").trim().to_owned();
    let tree = folder.join("tree");
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(&package).arg(&tree));
    tree
}

#[test]
fn the_package_brings_what_the_service_needs_and_a_unit_that_is_tight() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = unpacked(folder.path());

    let control = fs::read_to_string(tree.join("DEBIAN/control")).expect("control");
    for wanted in ["Package: moshao", "libavcodec", "libc6 (>=", "adduser"] {
        assert!(control.contains(wanted), "control lacks {wanted}:\n{control}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let mode = fs::metadata(tree.join("DEBIAN").join(script)).expect("a script").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} can be run");
        run(Command::new("sh").arg("-n").arg(tree.join("DEBIAN").join(script)));
    }
    let version = run(Command::new(tree.join("usr/bin/moshao")).arg("--version"));
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        concat!("moshao ", env!("CARGO_PKG_VERSION"))
    );
    let runtimes = fs::read_dir(tree.join("usr/lib/moshao")).expect("the library's folder").count();
    assert_eq!(runtimes, 1, "exactly one ONNX Runtime");

    // The first configuration passes the check that the gateway makes at each start.
    run(Command::new(tree.join("usr/bin/moshao"))
        .args(["check", "--config"])
        .arg(tree.join("usr/share/moshao/moshao.toml")));

    let unit = fs::read_to_string(tree.join(UNIT)).expect("the unit");
    for line in
        ["Type=notify", "WatchdogSec=30", "ExecReload=/bin/kill -HUP $MAINPID", "ReadWritePaths=-/etc/moshao"]
    {
        assert!(unit.contains(line), "the unit lacks {line}");
    }
    // Verified with the commands where they lie here; the system's own units are this machine's.
    let here = unit.replace("/usr/bin/moshao", &tree.join("usr/bin/moshao").display().to_string());
    let copy = folder.path().join("moshao.service");
    fs::write(&copy, here).expect("a copy of the unit");
    let verified = run(Command::new("systemd-analyze").arg("verify").arg(&copy));
    let complaints = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = complaints.lines().filter(|line| line.contains("moshao.service")).collect();
    assert!(ours.is_empty(), "{ours:?}");

    // `--threshold` is in tenths of the exposure level.
    run(Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
        .arg(tree.join(UNIT)));
}

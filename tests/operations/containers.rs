//! The container and Kubernetes files: what they start is valid and what they mount is there.
//!
//! No container is started here. `docker-compose` and `kubectl` render the files where they are installed; the
//! configurations in them are checked by the binary under test in any case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use moshao_tests::gateway::binary;
use moshao_tests::skip;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// What a program that need not be installed prints; none where it is not.
fn rendered(program: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let output =
        Command::new(program).args(arguments).current_dir(folder).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    Some(String::from_utf8(output.stdout).expect("YAML is UTF-8"))
}

#[test]
fn the_configurations_of_containers_pass_the_check() {
    for file in
        ["container/etc/moshao.toml", "kubernetes/site/east/moshao.toml", "kubernetes/site/west/moshao.toml"]
    {
        let output = Command::new(binary())
            .args(["check", "--config"])
            .arg(deploy().join(file))
            .env("CAM_PASSWORD", "secret")
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_compose_mounts_is_there_and_it_can_be_read() {
    let folder = deploy().join("container");
    let text = fs::read_to_string(folder.join("compose.yaml")).expect("compose.yaml");
    let mounts = text.lines().filter_map(|line| line.trim().strip_prefix("- .")?.split_once(":/"));
    let mounts: Vec<PathBuf> = mounts.map(|(host, _)| folder.join(format!(".{host}"))).collect();
    assert!(mounts.len() >= 7, "{mounts:?}");
    for mount in mounts {
        assert!(mount.exists(), "{} is mounted and not there", mount.display());
    }
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["compose.yaml", "environment.example"] {
        fs::copy(folder.join(file), copy.path().join(file)).expect("copied");
    }
    fs::rename(copy.path().join("environment.example"), copy.path().join("environment")).expect("renamed");
    match rendered("docker-compose", &["config"], copy.path()) {
        Some(config) => assert!(config.contains("read_only: true"), "{config}"),
        None => skip("docker-compose is not installed; compose.yaml was not rendered"),
    }
}

#[test]
fn each_box_of_a_site_on_kubernetes_has_its_own_machine_passwords_and_configuration() {
    let Some(site) = rendered("kubectl", &["kustomize", "kubernetes/site"], &deploy()) else {
        return skip("kubectl is not installed; the Kubernetes files were not rendered");
    };
    let boxes: Vec<&str> = site.split("\n---\n").filter(|part| part.contains("kind: StatefulSet")).collect();
    assert_eq!(boxes.len(), 2);
    for (name, part) in ["east", "west"].into_iter().zip(boxes) {
        for wanted in [
            format!("kubernetes.io/hostname: box-{name}"),
            format!("name: {name}-secrets"),
            format!("name: {name}-configuration-"),
            "runAsNonRoot: true".to_owned(),
            "path: /livez".to_owned(),
            "image: registry.example/moshao:0.1.0".to_owned(),
        ] {
            assert!(part.contains(&wanted), "{name} lacks {wanted}:\n{part}");
        }
        assert_eq!(part.matches(&format!("name: {name}-secrets")).count(), 2, "the check knows them too");
    }
}

//! How pictures are looked at: detectors of the catalogue, label maps, turned cameras, tiles and regions.

use std::path::Path;

use moshao_config::{Config, Environment, Examined, Model, examine_text};

const SITE: &str = "[gateway]\nid = \"gw-1\"\ndivision = \"510104001001\"\ndata_dir = \"data\"\n\
    [grid]\ncode = \"510104001001003\"\n[uplink]\nurl = \"mqtt://127.0.0.1\"\n\
    [rule.people]\nobject = { labels = [\"person\"] }\ncode = \"INTRUSION\"\n";
const CAMERA: &str = "[camera.yard]\nurl = \"rtsp://10.0.0.9/1\"\nwatches = [\"people\"]\n";

fn examined(directory: &Path, sections: &str) -> Examined {
    examine_text(&format!("{SITE}{sections}"), "moshao.toml", &Environment::fixed(directory, [], 1))
}

fn config(directory: &Path, sections: &str) -> Config {
    let Examined { config, report } = examined(directory, sections);
    config.unwrap_or_else(|| panic!("{report}"))
}

#[test]
fn a_detector_of_the_catalogue_is_known_and_its_fetching_is_told_where_it_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let camera = format!("{CAMERA}detector = \"yolox-nano\"\n");
    let told = examined(directory.path(), &camera).report.to_string();
    let folder = directory.path().join("data/models");
    assert!(told.contains("warning: `detector`: detector `yolox-nano` is not on this machine yet"), "{told}");
    assert!(told.contains(&format!("moshao models pull yolox-nano --dir {}", folder.display())), "{told}");

    for folder in ["models", "data/models"] {
        let file = directory.path().join(folder).join("yolox-nano.onnx");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        // The data directory's comes first, and a section may name it too.
        let section = "[detector.people]\nfile = \"yolox-nano\"\nmax_detections = 20\n";
        let of_section = config(directory.path(), &format!("{section}{CAMERA}detector = \"people\"\n"));
        for config in [config(directory.path(), &camera), of_section] {
            assert_eq!(config.detectors[0].model, Model::File(file.clone()));
        }
    }

    let told = examined(directory.path(), &format!("{CAMERA}detector = \"yolox-nan\"\n")).report.to_string();
    assert!(told.contains("yolox-nano"), "the nearest name is offered:\n{told}");
}

#[test]
fn the_built_in_detector_takes_thresholds_by_way_of_a_section() {
    let directory = Path::new("/etc/moshao");
    // It knows no people, so that the rule cannot be watched.
    let camera = CAMERA.replace("[\"people\"]", "[]");
    let section = |label: &str| {
        let fire = format!("[detector.fire]\nfile = \"moshao-fire\"\nthresholds = {{ {label} = 0.6 }}\n");
        format!("{fire}{camera}detector = \"fire\"\n")
    };
    let detector = &config(directory, &section("smoke")).detectors[0];
    assert_eq!(detector.model, Model::BuiltIn("moshao-fire".into()));
    assert_eq!(detector.label_thresholds, [("smoke".to_owned(), 0.6)]);

    let told = examined(directory, &section("smog")).report.to_string();
    assert!(told.contains("there is no label `smog`") && told.contains("smoke"), "{told}");
    let taken = format!("[detector.moshao-fire]\nthreshold = 0.5\n{camera}");
    let told = examined(directory, &taken).report.to_string();
    assert!(told.contains("write `file = \"moshao-fire\"`"), "{told}");
}

#[test]
fn a_camera_says_how_its_pictures_are_looked_at() {
    let view =
        "detector = \"a.onnx\"\nrotate = 270\ntiles = \"3x2\"\nregions = [[[0, 0.5], [1, 0.5], [1, 1]]]\n";
    let camera = &config(Path::new("/etc/moshao"), &format!("{CAMERA}{view}")).cameras[0];
    assert_eq!((camera.view.rotate_degrees, camera.view.tiles), (270, Some((3, 2))));
    assert_eq!(camera.view.regions[0].0, [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0)]);
}

#[test]
fn what_cannot_be_looked_at_is_told_at_its_place() {
    let wrong =
        "detector = \"a.onnx\"\nrotate = 45\ntiles = \"9x1\"\nregions = [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n";
    let told = examined(Path::new("/etc/moshao"), &format!("{CAMERA}{wrong}")).report.to_string();
    for expected in [
        "moshao.toml:16:10: error: `rotate` is 45 degrees; allowed are 0, 90, 180 and 270",
        "moshao.toml:17:9: error: `tiles` must be columns and rows, 1 to 8 of each, such as \"2x2\"",
        "moshao.toml:18:12: error: `regions`: the outline crosses itself: edge 1 and edge 3",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn a_label_map_decides_which_labels_thresholds_and_rules_may_name() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("map.toml"), "pedestrian = \"person\"\n\"*\" = false\n").unwrap();
    let section = |labels: &str, extra: &str| {
        format!(
            "[detector.people]\nfile = \"a.onnx\"\nlabels = {labels}\nlabel_map = \"map.toml\"\n\
             thresholds = {{ person = 0.6 }}\n{extra}{CAMERA}detector = \"people\"\n"
        )
    };
    let extra = "overlap = 0.6\nacross_labels = true\nbatch = 4\n";
    let config = config(directory.path(), &section("[\"pedestrian\", \"cat\"]", extra));
    let detector = &config.detectors[0];
    let map = [("pedestrian".to_owned(), Some("person".to_owned())), ("*".to_owned(), None)];
    assert_eq!(detector.label_map, map);
    assert_eq!((detector.overlap, detector.across_labels, detector.batch), (Some(0.6), Some(true), Some(4)));

    let told = examined(directory.path(), &section("[\"pedestrians\", \"cat\"]", "")).report.to_string();
    assert!(told.contains("map.toml names `pedestrian`, which is no label"), "{told}");
    assert!(told.contains("`thresholds`: there is no label `person`"), "{told}");
    std::fs::write(directory.path().join("map.toml"), "pedestrian = 7\n").unwrap();
    let told = examined(directory.path(), &section("[\"pedestrian\"]", "")).report.to_string();
    assert!(told.contains("gives pedestrian the value 7"), "{told}");
}

//! What the README shows is true: its configuration is good, what it points at is there, and both languages show the
//! same.

use std::fs;
use std::path::{Path, PathBuf};

use moshao::language::Language;
use moshao::page::words::{Advice, advice};
use moshao_config::{Environment, Examined, examine_text};

const LANGUAGES: [&str; 2] = ["README.md", "README.zh-CN.md"];

#[test]
fn the_configuration_in_the_readme_is_good() {
    for name in LANGUAGES {
        let text = blocks(&read(name), "toml").concat();
        let environment = Environment::fixed(Path::new("/etc/moshao"), [("CAM_PASSWORD", "secret")], 4);
        let Examined { config, report } = examine_text(&text, name, &environment);
        assert_eq!(report.to_string(), "", "{name}");
        let config = config.expect("a file without problems makes a configuration");
        assert_eq!((config.cameras.len(), config.sensors.len()), (1, 1));
    }
}

#[test]
fn both_languages_show_the_same_commands_and_files() {
    let [english, chinese] = LANGUAGES.map(read);
    for language in ["sh", "toml", ""] {
        let (english, chinese) = (blocks(&english, language), blocks(&chinese, language));
        assert!(!english.is_empty(), "blocks of {language:?}");
        assert_eq!(english, chinese);
    }
    let commands = |text: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        rows.map(|(first, _)| first.to_owned()).collect()
    };
    assert_eq!(commands(&english), commands(&chinese), "first columns of the tables");
}

#[test]
fn what_the_readme_points_at_is_there() {
    for name in LANGUAGES {
        let text = read(name);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let code = text.split('`').skip(1).step_by(2).filter(|code| {
            let folders = ["config/", "inference/", "gateway/", "tests/", "deploy/"];
            folders.iter().any(|folder| code.starts_with(folder)) && !code.contains(' ')
        });
        for path in links.filter(|link| !link.contains("://")).chain(code) {
            assert!(root().join(path).exists(), "{name} points at {path}, which is not there");
        }
    }
}

#[test]
fn the_faults_in_the_readme_are_those_of_the_gateway() {
    for name in LANGUAGES {
        let text = read(name);
        for fault in moshao::worker::link::StreamFault::ALL {
            let row = format!("| `{}` |", fault.as_str());
            assert!(text.contains(&row), "{name} does not explain {}", fault.as_str());
        }
    }
}

#[test]
fn the_page_says_what_the_readme_says_about_faults() {
    for (name, language) in [("README.md", Language::English), ("README.zh-CN.md", Language::Chinese)] {
        let text = read(name).replace('`', "");
        for fault in moshao::worker::link::StreamFault::ALL {
            let Advice { problem, remedy } = advice(fault, language);
            let row = format!("| {} | {problem} | {remedy} |", fault.as_str());
            assert!(text.contains(&row), "{name} says something else than: {row}");
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("the README is there")
}

/// Contents of the fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some(opening)) => Some((opening == language, String::new())),
            (None, None) => None,
            (Some((wanted, block)), Some(_)) => {
                blocks.extend(wanted.then_some(block));
                None
            }
            (Some((wanted, block)), None) => Some((wanted, block + line + "\n")),
        };
    }
    blocks
}

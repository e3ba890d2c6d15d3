//! `moshao init`: a few questions, then a configuration that can run.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, Outcome, print};
use crate::language::Language;
use crate::logging;
use crate::onboard::draft;
use crate::onboard::interview::{Interview, Said, Surroundings};
use crate::onboard::onvif;

/// How long cameras on the network may take to answer.
const DISCOVERY: Duration = Duration::from_secs(5);

/// Ask a few questions and write a configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao init --config /etc/moshao/moshao.toml
  moshao init --language zh

Finds the cameras on the network, and writes a commented configuration that `moshao check` accepts. Passwords go into files
beside it (secrets/, readable by you alone), not into the configuration. Nothing that is there is overwritten.")]
pub(super) struct Arguments {
    /// The configuration file to write
    #[arg(long, value_name = "FILE", default_value = "moshao.toml")]
    config: PathBuf,
    /// Language of the questions and of the comments; as the environment says (LANG) where it is not given
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
}

/// Asks, writes, checks, and says what comes next.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let Arguments { config, language } = arguments;
    let language = language.unwrap_or_else(|| Language::of_environment(|name| std::env::var(name).ok()));
    if config.exists() {
        let path = config.display();
        return Err(Failure::failed(format!("{path} is there already: name another file, or move it away")));
    }
    let mut interview =
        Interview { input: io::stdin().lock(), output: io::stdout(), surroundings: Terminal, language };
    let said = interview.hold().map_err(|error| Failure::failed(format!("nothing is written: {error}")))?;
    write_all(&said, config, language)?;

    let report = moshao_config::examine(config).report;
    if report.has_errors() {
        return Err(Failure::config(format!("{} is written and has mistakes\n{report}", config.display())));
    }
    print(&what_next(config, language))
}

/// The terminal and the network of this machine.
struct Terminal;

impl Surroundings for Terminal {
    fn password(&mut self, question: &str) -> Option<String> {
        rpassword::prompt_password(question).ok()
    }

    fn discover(&mut self, login: Option<onvif::Login>) -> io::Result<Vec<onvif::Camera>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let found = onvif::find(&[], DISCOVERY).await?;
            Ok(onvif::ask_all(found, login.as_ref()).await)
        })
    }
}

/// The secrets first: a configuration never refers to what is not there.
fn write_all(said: &Said, config: &Path, language: Language) -> Outcome {
    let directory = config.parent().unwrap_or(Path::new(""));
    let cannot =
        |path: &Path, error: io::Error| Failure::failed(format!("cannot write {}: {error}", path.display()));
    for (path, secret) in &said.secrets {
        let path = directory.join(path);
        let folder = path.parent().unwrap_or(directory);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.and_then(|()| write_new(&path, secret, 0o600)).map_err(|error| cannot(&path, error))?;
    }
    let text = draft::configuration(&said.answers, language);
    write_new(config, &text, 0o644).map_err(|error| cannot(config, error))
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn what_next(config: &Path, language: Language) -> String {
    let config = config.display();
    match language {
        Language::English => format!(
            "\n{config} is written.\n  check it:   moshao check --config {config}\n  run it:     moshao run --config {config}\n  \
             see events: moshao events --url URL-OF-THE-BROKER\nZones, sensors and rules: README.md, config/examples/"
        ),
        Language::Chinese => format!(
            "\n已写好 {config}。\n  检查:     moshao check --config {config}\n  运行:     moshao run --config {config}\n  \
             查看事件: moshao events --url 服务器地址\n区域、传感器和规则的写法见 README.zh-CN.md 和 config/examples/"
        ),
    }
}

//! `moshao bundle`: configurations signed by the centre.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use moshao_config::CentreKey;
use serde_json::json;

use super::{Failure, Outcome, print};
use crate::live::bundle::{Bundle, SigningKey};

/// Sign and verify configurations that the centre pushes to gateways
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  openssl genpkey -algorithm ed25519 -out centre.key      # once, at the centre; keep it there
  moshao bundle key centre.key                            # the line for [change] keys = [\"…\"] of the gateways
  moshao bundle sign --key centre.key --version 7 site.toml > bundle.json
  moshao bundle verify --key centre.key bundle.json
  moshao bundle sign --key centre.key --version 7 --command c-0815 site.toml |
    mosquitto_pub -h centre.example -t moshao/v1/510104001001/gw-0007/command -q 1 -s

deploy/change.md tells what a gateway does with a bundle.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Sign a configuration; prints the bundle as JSON
    Sign {
        /// Ed25519 private key, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Number of the bundle: higher than any that the gateway has taken
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=9_007_199_254_740_991))]
        version: u64,
        /// Print a whole command with this id instead, valid for an hour, as the gateway's command topic takes it
        #[arg(long, value_name = "ID")]
        command: Option<String>,
        /// The configuration file; secrets stand in it as ${file:…} or ${env:…} only
        config: PathBuf,
    },
    /// Whether a bundle was signed with a key
    Verify {
        /// Private or public key, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The bundle, JSON
        bundle: PathBuf,
    },
    /// Print the public half of a key as `change.keys` takes it
    Key {
        /// Private or public key, PEM
        key: PathBuf,
    },
}

/// Does it.
pub(super) fn run(arguments: Arguments) -> Outcome {
    match arguments.action {
        Action::Sign { key, version, command, config } => sign(&key, version, command, &config),
        Action::Verify { key, bundle } => verify(&key, &bundle),
        Action::Key { key } => print(&public_key(&key)?.to_string()),
    }
}

fn sign(key: &Path, version: u64, command: Option<String>, config: &Path) -> Outcome {
    let key = SigningKey::from_pem(&read(key)?).map_err(|error| of(key, &error))?;
    let text = read(config)?;
    if let Err(error) = text.parse::<toml::Table>() {
        return Err(Failure::failed(format!("{} is no TOML: {error}", config.display())));
    }
    let bundle = Bundle::sign(version, text, &key).map_err(|error| of(config, &error))?;
    let printed = match command {
        None => json!(bundle),
        Some(id) => {
            let expires = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
            json!({ "id": id, "verb": "configure", "expires": expires, "arguments": bundle })
        }
    };
    print(&printed.to_string())
}

fn verify(key: &Path, file: &Path) -> Outcome {
    let bundle: Bundle = serde_json::from_str(&read(file)?)
        .map_err(|error| Failure::failed(format!("{} is no bundle: {error}", file.display())))?;
    bundle.verify(&[public_key(key)?]).map_err(|error| of(file, &error))?;
    print(&format!(
        "version {}, {} bytes of configuration, signed with this key",
        bundle.version,
        bundle.config.len()
    ))
}

/// The public half, whichever half the file holds.
fn public_key(file: &Path) -> Result<CentreKey, Failure> {
    let text = read(file)?;
    match CentreKey::parse(&text) {
        Ok(key) => Ok(key),
        Err(_) => SigningKey::from_pem(&text).map(|key| key.public()).map_err(|error| of(file, &error)),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{} cannot be read: {error}", file.display())))
}

fn of(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("{}: {error}", file.display()))
}

//! What somebody wants the gateway to run with: read, checked in every way and rehearsed before anything is touched.

use moshao_config::{Config, Report};
use tokio::task::spawn_blocking;

use super::bundle::Bundle;
use super::difference::Difference;
use super::files::{State, Version, replace};
use super::{Live, Refusal, Why};
use crate::rehearsal;

/// A configuration that can run, and what it changes.
type Wanted = (Version, Difference);

// === impl Live ===

impl Live {
    /// What the file wants.
    pub(super) async fn wanted(&mut self) -> Result<Wanted, Refusal> {
        // Where it changes between the two, it looks other afterwards, and is read again.
        self.considered = self.files.sha256();
        let (version, report) = self.files.read().map_err(|report| wrong(&report))?;
        acceptable(&self.running.config, version, report).await
    }

    /// Takes what the centre has signed: checked in every way before a byte is written.
    pub(super) async fn take(&mut self, bundle: &Bundle) -> Result<Wanted, Refusal> {
        let refuse = |why: Why, message: String| Refusal { why, message };
        bundle
            .verify(&self.running.config.change.keys)
            .map_err(|error| refuse(Why::NotAllowed, error.to_string()))?;
        if let Some(last) = self.state.bundle.filter(|last| bundle.version <= *last) {
            let message = format!(
                "version {} is not newer than {last}, which was taken before; versions rise",
                bundle.version
            );
            return Err(refuse(Why::NotAllowed, message));
        }
        let (version, report) = self.files.check(&bundle.config).map_err(|report| wrong(&report))?;
        let wanted = acceptable(&self.running.config, version, report).await?;
        let unwritable = |error: std::io::Error| {
            let file = self.files.file().display();
            let message = format!(
                "{file} cannot be written: {error}; the gateway's user must own it and its directory"
            );
            refuse(Why::Failed, message)
        };
        let sha256 = wanted.0.sha256();
        let state =
            State { bundle: Some(bundle.version), bundle_sha256: sha256.clone(), ..self.state.clone() };
        // First the number: a bundle that was half taken must not be taken again.
        self.files.keep_state(&state).map_err(unwritable)?;
        replace(self.files.file(), &bundle.config).map_err(unwritable)?;
        (self.state, self.considered) = (state, Some(sha256));
        Ok(wanted)
    }
}

/// Whether the gateway can go on with it: it needs no restart, and its `[[test]]`s come out as expected.
async fn acceptable(running: &Config, version: Version, report: Report) -> Result<Wanted, Refusal> {
    let difference = Difference::between(running, &version.config)
        .map_err(|message| Refusal { why: Why::Invalid, message })?;
    let (version, report) = rehearsed(version, report).await?;
    if report.has_errors() { Err(wrong(&report)) } else { Ok((version, difference)) }
}

/// Plays the tests as `moshao check` does, aside from all that runs: weeks of virtual time take a while.
async fn rehearsed(version: Version, mut report: Report) -> Result<(Version, Report), Refusal> {
    let played = spawn_blocking(move || {
        rehearsal::play_all(&version.config, &mut report);
        (version, report)
    });
    played.await.map_err(|error| {
        let message = format!("its tests cannot be played: {error}; `moshao check` plays them alone");
        Refusal { why: Why::Failed, message }
    })
}

fn wrong(report: &Report) -> Refusal {
    Refusal { why: Why::Invalid, message: report.to_string() }
}

//! Outbox and evidence: opened once, and anew only where another configuration wants them otherwise.

use std::sync::Arc;

use jiff::tz::TimeZone;
use moshao_config::{Config, EvidencePolicy};

use super::AppError;
use crate::evidence::Archive;
use crate::metrics::Metrics;
use crate::outbox::{self, OutboxHandle, Recovered, Site, Subscription};
use crate::sink;

/// What is open, and how it was wanted.
#[derive(Debug, Default)]
pub(super) struct Storage {
    outbox: Option<(OutboxTerms, OutboxHandle)>,
    evidence: Option<(EvidenceTerms, Archive)>,
}

type OutboxTerms = (u64, Site, Vec<Subscription>);
type EvidenceTerms = (EvidencePolicy, TimeZone);

/// What a configuration works with.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) outbox: OutboxHandle,
    pub(super) evidence: Archive,
    /// The evidence is another one than before, or kept otherwise.
    pub(super) is_evidence_new: bool,
    pub(super) recovered: Recovered,
}

// === impl Storage ===

impl Storage {
    /// Opens what is not open as `config` wants it.
    ///
    /// # Errors
    /// The disk; what could not be opened is closed, and is opened with the next call.
    pub(super) async fn open(&mut self, config: &Config, metrics: &Arc<Metrics>) -> Result<Opened, AppError> {
        let (outbox, recovered) = self.open_outbox(config, metrics).await?;
        let (policy, zone) = (&config.evidence, &config.gateway.time_zone);
        let terms = (policy.clone(), zone.clone());
        let open = self.evidence.take().filter(|(own, _)| *own == terms);
        let is_evidence_new = open.is_none();
        let evidence = match open {
            Some((_, archive)) => archive,
            None => Archive::open(&config.gateway.data_dir, zone, policy.clone())?,
        };
        self.evidence = Some((terms, evidence.clone()));
        Ok(Opened { outbox, evidence, is_evidence_new, recovered })
    }

    async fn open_outbox(
        &mut self,
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<(OutboxHandle, Recovered), AppError> {
        let sinks = sink::subscriptions(&config.sinks);
        let terms = (config.outbox.quota_bytes, Site::of(config), sinks.clone());
        match self.outbox.take() {
            Some((own, outbox)) if own == terms => {
                self.outbox = Some((own, outbox.clone()));
                return Ok((outbox, Recovered::default()));
            }
            // One owner of the file at a time.
            Some((_, outbox)) => outbox.close().await,
            None => {}
        }
        let (outbox, recovered) = outbox::open(outbox::Settings {
            directory: config.gateway.data_dir.clone(),
            quota_bytes: config.outbox.quota_bytes,
            site: Site::of(config),
            sinks,
            metrics: metrics.clone(),
        })?;
        self.outbox = Some((terms, outbox.clone()));
        Ok((outbox, recovered))
    }
}

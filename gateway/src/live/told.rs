//! What the centre is told of changes of the configuration.
//!
//! A refusal and a roll-back are open until something is applied, over restarts too (`State::trouble`).

use jiff::Timestamp;
use moshao_config::Config;
use tracing::warn;

use crate::event::Phase;
use crate::incident::tell::new_id;
use crate::outbox::{Announcement, OutboxHandle, Site};

/// Longest note, characters: a report of many mistakes is in the answer and in the log.
const NOTE_MAX: usize = 1500;

/// What has happened to the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Another one runs.
    Applied,
    /// The one that was wanted does not run.
    Refused,
    /// It ran, and does not any more.
    RolledBack,
}

/// Code and correlation id of what is open.
pub(super) type Trouble = Option<(String, String)>;

// === impl News ===

impl News {
    fn words(self) -> (&'static str, &'static str, &'static str, u8) {
        match self {
            News::Applied => ("CONFIG_APPLIED", "config-applied", "配置已更新", 4),
            News::Refused => ("CONFIG_REFUSED", "config-refused", "配置未生效", 3),
            News::RolledBack => ("CONFIG_ROLLED_BACK", "config-rolled-back", "配置已回退", 3),
        }
    }

    const TROUBLES: [News; 2] = [News::Refused, News::RolledBack];

    /// Puts the news into the outbox, with the end of whatever it ends; what is open then.
    pub(super) async fn tell(
        self,
        outbox: &OutboxHandle,
        config: &Config,
        open: Trouble,
        note: &str,
    ) -> Trouble {
        let (site, now) = (Site::of(config), Timestamp::now());
        let own = self.words().0;
        let goes_on = open.clone().filter(|(code, _)| code == own);
        let mut announcements = Vec::new();
        if goes_on.is_none()
            && let Some((code, correlation)) = open
            && let Some(ended) = News::TROUBLES.into_iter().find(|news| news.words().0 == code)
        {
            announcements.push(ended.announcement(now, correlation, Phase::Closed, note));
        }
        let phase = match (self, &goes_on) {
            (News::Applied, _) => Phase::Closed,
            (_, Some(_)) => Phase::Updated,
            (_, None) => Phase::Opened,
        };
        let correlation = goes_on.map_or_else(|| new_id(now), |(_, correlation)| correlation);
        announcements.push(self.announcement(now, correlation.clone(), phase, note));
        let events = announcements.into_iter().map(|told| told.into_event(&site, now)).collect();
        if let Err(error) = outbox.accept(events, None).await {
            warn!(%error, "a change of the configuration cannot be told to the centre");
        }
        (self != News::Applied).then(|| (own.to_owned(), correlation))
    }

    fn announcement(self, now: Timestamp, correlation: String, phase: Phase, note: &str) -> Announcement {
        let (code, kind, title, level) = self.words();
        let note = note.chars().take(NOTE_MAX).collect();
        Announcement {
            id: new_id(now),
            correlation,
            kind,
            subject: "config".to_owned(),
            code,
            title,
            level,
            phase,
            happened: None,
            measure: None,
            note,
        }
    }
}

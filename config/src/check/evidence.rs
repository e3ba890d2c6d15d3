//! `[evidence]`.

use std::time::Duration;

use super::Check;
use crate::model::{EvidencePolicy, Keep};
use crate::quantity::Span;
use crate::raw::{self, At};
use crate::report::Problem;

/// Least time that evidence is kept by law (Decree 799 of 2024, article 17).
const LAWFUL_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

impl Check<'_> {
    /// `keep` is `incidents.keep_evidence`.
    pub(super) fn evidence(&mut self, section: Option<&raw::Evidence>, keep: Duration) -> EvidencePolicy {
        let default = raw::Evidence::default();
        let section = section.unwrap_or(&default);
        for (name, own) in [("keep_stills", &section.keep_stills), ("keep_clips", &section.keep_clips)] {
            if let Some(own) = own {
                self.lawful_keep(name, own);
            }
        }
        let lasting = |own: &Option<At<Span>>| own.as_ref().map_or(keep, |own| own.0);
        EvidencePolicy {
            clip_levels: section.clip_levels.clone(),
            clip_linked: section.clip_linked,
            pre_roll: section.pre_roll.0,
            post_roll: section.post_roll.0,
            stills: Keep { quota_bytes: section.still_quota.0, lasting: lasting(&section.keep_stills) },
            clips: Keep { quota_bytes: section.clip_quota.0, lasting: lasting(&section.keep_clips) },
        }
    }

    /// Warns where evidence is kept for less than the law asks.
    pub(super) fn lawful_keep(&mut self, name: &str, keep: &At<Span>) {
        if keep.0 < LAWFUL_KEEP {
            let message = format!("`{name}` of {} is less than 30 days", **keep);
            let hint = "Decree 799 of 2024, article 17, asks for 30 days at least where it applies";
            self.problems.push(Problem::warning(keep.place(), message).hint(hint));
        }
    }
}

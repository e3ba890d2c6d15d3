//! `[change]`: the keys are keys.

use super::Check;
use crate::model::{CentreKey, Change};
use crate::raw::{self, At};
use crate::secret::Template;

impl Check<'_> {
    pub(super) fn change(&mut self, section: Option<&raw::Change>) -> Change {
        let default = raw::Change::default();
        let section = section.unwrap_or(&default);
        let keys = section.keys.iter().filter_map(|key| self.key(key)).collect();
        Change { on_save: section.on_save, trial: section.trial.0, keys }
    }

    fn key(&mut self, text: &At<String>) -> Option<CentreKey> {
        let expanded = self.secret("keys", text, Template::Plain)?;
        match CentreKey::parse(&expanded) {
            Ok(key) => Some(key),
            Err(reason) => {
                let hint = "`moshao bundle key centre.key` prints the line that belongs here";
                self.error(text.place(), format!("`keys`: {reason}"), hint);
                None
            }
        }
    }
}

//! `[incidents]`.

use super::{Check, Names};
use crate::model::IncidentPolicy;
use crate::raw;
use crate::report::Problem;

impl Check<'_> {
    pub(super) fn incidents(
        &mut self,
        section: Option<&raw::Incidents>,
        file: &raw::File,
        names: &Names,
    ) -> IncidentPolicy {
        let default = raw::Incidents::default();
        let section = section.unwrap_or(&default);
        let sensors = file.sensor.0.iter().map(|(id, _)| id.as_str());
        let known: Vec<&str> = names.cameras.iter().map(String::as_str).chain(sensors).collect();
        let test = self.references("test", &section.test, "camera or sensor", &known);
        let maintenance = self.references("maintenance", &section.maintenance, "camera or sensor", &known);
        for both in section.maintenance.iter().filter(|id| test.contains(id)) {
            let message = format!("`{}` stands in `test` too; maintenance prevails", **both);
            self.problems.push(Problem::warning(both.place(), message));
        }
        self.lawful_keep("keep_evidence", &section.keep_evidence);
        policy(section, test, maintenance)
    }
}

impl Default for IncidentPolicy {
    /// What a file without the section gives.
    fn default() -> Self {
        policy(&raw::Incidents::default(), Vec::new(), Vec::new())
    }
}

fn policy(section: &raw::Incidents, test: Vec<String>, maintenance: Vec<String>) -> IncidentPolicy {
    IncidentPolicy {
        mode: section.mode,
        test,
        maintenance,
        update_every: section.update_every.0,
        fire_latch: section.fire_latch.0,
        reopen_within: section.reopen_within.0,
        merge_within: section.merge_within.0,
        neighbours_m: section.neighbours_m,
        flood: section.flood,
        flood_within: section.flood_within.0,
        escalate_fire: section.escalate_fire.0,
        escalate: section.escalate.0,
        look_for: section.look_for.0,
        keep_evidence: section.keep_evidence.0,
    }
}

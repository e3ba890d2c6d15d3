//! `[gateway]` and `[grid]`.

use super::Check;
use crate::model::{Gateway, Grid};
use crate::raw;
use crate::report::Problem;

impl Check<'_> {
    pub(super) fn gateway(&mut self, gateway: &raw::Gateway) -> Option<Gateway> {
        let zone = &gateway.time_zone;
        let time_zone = jiff::tz::TimeZone::get(zone)
            .map_err(|_| {
                self.error(
                    zone.place(),
                    format!("`time_zone`: `{}` is no IANA time zone", **zone),
                    "for example \"Asia/Shanghai\" or \"Asia/Urumqi\"",
                );
            })
            .ok();
        Some(Gateway {
            id: gateway.id.clone()?,
            division: gateway.division.clone()?,
            data_dir: self.environment.path(&gateway.data_dir),
            workers: gateway.workers.unwrap_or(self.environment.cores),
            worker_memory_bytes: gateway.worker_memory.map(|size| size.0),
            time_zone: time_zone?,
        })
    }

    pub(super) fn grid(&mut self, grid: &raw::Grid, gateway: Option<&Gateway>) -> Option<Grid> {
        let code = grid.code.as_ref()?;
        if code.len() != 15 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            let message =
                format!("`code` is usually 15 digits; this has {} characters", code.chars().count());
            self.problems
                .push(Problem::warning(code.place(), message).hint("division 12 digits, grid cell 3"));
        } else if let Some(gateway) = gateway.filter(|gateway| !code.starts_with(&gateway.division)) {
            let message =
                format!("grid `{}` does not lie in the gateway's division {}", **code, gateway.division);
            self.problems.push(Problem::warning(code.place(), message));
        }
        Some(Grid { code: code.to_string(), name: grid.name.clone() })
    }
}

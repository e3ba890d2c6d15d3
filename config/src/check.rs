//! From what the file says to what the gateway runs with: references, secrets, and what belongs together.
//!
//! The shape (`document`) has been checked before. Here every section is checked on its own, each in a file, and then
//! against the others. Nothing stops at the first mistake; a mistake gives no [`Config`] in the end.

mod broker;
mod camera;
mod change;
mod condition;
mod detector;
mod evidence;
mod expression;
mod gateway;
mod incidents;
mod page;
mod polygon;
mod rule;
mod sensor;
mod sink;
mod test;
mod topic;

use std::ops::Range;

pub use self::detector::CATALOGUE;
use crate::document::Document;
use crate::model::{Budget, Config, Http, Outbox, Place};
use crate::raw::{self, At};
use crate::report::Problem;
use crate::secret::{BadReference, Environment, Template};

/// The work on one file.
pub(crate) struct Check<'a> {
    pub document: &'a Document,
    pub environment: &'a Environment,
    pub problems: &'a mut Vec<Problem>,
}

/// Names that others refer to, in the order of the file.
pub(crate) struct Names {
    pub cameras: Vec<String>,
    pub rules: Vec<(String, Option<Watcher>)>,
}

/// Who can watch a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watcher {
    Cameras,
    Sensors,
    /// Either.
    Both,
}

// === impl Check ===

impl Check<'_> {
    /// Checks everything; the configuration is complete where the problems hold no error.
    pub(crate) fn file(&mut self, file: &raw::File) -> Option<Config> {
        let names = Names::of(file);
        let gateway = file.gateway.as_ref().and_then(|gateway| self.gateway(gateway));
        let grid = file.grid.as_ref().and_then(|grid| self.grid(grid, gateway.as_ref()));
        let uplink = file.uplink.as_ref().and_then(|uplink| self.broker("uplink", uplink, gateway.as_ref()));
        let sensor_broker =
            file.sensors.as_ref().and_then(|broker| self.broker("sensors", broker, gateway.as_ref()));
        self.brokers_together(file, uplink.as_ref(), sensor_broker.as_ref());
        let outbox = outbox(file.outbox.as_ref());
        let http = self.http(file.http.as_ref());
        let page = file.page.as_ref().and_then(|page| self.page(page, http.as_ref()));
        let incidents = self.incidents(file.incidents.as_ref(), file, &names);

        let change = self.change(file.change.as_ref());
        let evidence = self.evidence(file.evidence.as_ref(), incidents.keep_evidence);

        let own = self.detectors(file);
        let (cameras, detectors) = self.cameras(file, own, &names);
        let (sensors, preset_rules) = self.sensors(file, &names);
        let mut rules = self.rules(file, &sensors, &cameras, &detectors);
        rules.extend(preset_rules);
        let sinks = self.sinks(file);
        let tests = self.tests(file, &cameras, &sensors);
        if file.camera.0.is_empty() && file.sensor.0.is_empty() {
            let message = "there is no camera and no sensor: this gateway will report nothing but itself";
            self.problems.push(Problem::warning(0..0, message));
        }
        Some(Config {
            gateway: gateway?,
            grid: grid?,
            uplink: uplink?,
            sensor_broker,
            outbox,
            budget: budget(file.budget.as_ref()),
            http: http?,
            page,
            change,
            incidents,
            evidence,
            detectors,
            cameras,
            sensors,
            rules,
            sinks,
            tests,
        })
    }

    fn http(&mut self, http: Option<&raw::Http>) -> Option<Http> {
        let default = raw::Http::default();
        let listen = &http.unwrap_or(&default).listen;
        let Ok(address) = listen.parse::<std::net::SocketAddr>() else {
            let message = format!("`listen` must be an address and a port, not `{}`", **listen);
            self.problems
                .push(Problem::error(listen.place(), message).hint("for example \"127.0.0.1:9464\""));
            return None;
        };
        if !address.ip().is_loopback() {
            let message = format!("metrics are open to whoever reaches {address}");
            let hint = "listen on 127.0.0.1, or let a firewall decide who may come";
            self.problems.push(Problem::warning(listen.place(), message).hint(hint));
        }
        Some(Http { listen: address })
    }

    /// Replaces `${…}`; a problem and nothing where that fails.
    fn secret(&mut self, name: &str, text: &At<String>, template: Template) -> Option<String> {
        match self.environment.expand(text, template) {
            Ok(expanded) => Some(expanded),
            Err(BadReference { at, error }) => {
                let whole = text.place();
                // Between plain quotes and without escapes, the reference itself can be pointed at.
                let plain = whole.len() == text.len() + 2;
                let place = if plain { whole.start + 1 + at.start..whole.start + 1 + at.end } else { whole };
                self.problems.push(Problem::error(place, format!("`{name}`: {error}")));
                None
            }
        }
    }

    fn place(
        &mut self,
        address: Option<&String>,
        lon: Option<&At<f64>>,
        lat: Option<&At<f64>>,
        path: &str,
    ) -> Place {
        let alone = match (lon, lat) {
            (Some(lon), None) if !self.document.is_bad(&format!("{path}.lat")) => Some((lon, "lon", "lat")),
            (None, Some(lat)) if !self.document.is_bad(&format!("{path}.lon")) => Some((lat, "lat", "lon")),
            _ => None,
        };
        if let Some((present, name, absent)) = alone {
            let message = format!("`{name}` without `{absent}` is no place");
            self.problems
                .push(Problem::error(present.place(), message).hint(format!("add `{absent}`, in degrees")));
        }
        Place { address: address.cloned(), lon: lon.map(|lon| **lon), lat: lat.map(|lat| **lat) }
    }

    /// Entries of a list of names that are there and come once; the others become problems.
    fn references(&mut self, list: &str, entries: &[At<String>], what: &str, known: &[&str]) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for entry in entries {
            let name: &str = entry;
            if !known.contains(&name) {
                let problem = Problem::error(entry.place(), format!("`{list}`: there is no {what} `{name}`"));
                self.problems.push(problem.did_you_mean(name, known.iter().copied()));
            } else if kept.iter().any(|other| other == name) {
                self.problems.push(Problem::warning(entry.place(), format!("`{list}` names `{name}` twice")));
            } else {
                kept.push(name.to_owned());
            }
        }
        kept
    }

    fn error(&mut self, place: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::error(place, message).hint(hint));
    }
}

fn outbox(outbox: Option<&raw::Outbox>) -> Outbox {
    let default = raw::Outbox::default();
    let outbox = outbox.unwrap_or(&default);
    Outbox { quota_bytes: outbox.quota.0, window: outbox.window }
}

fn budget(budget: Option<&raw::Budget>) -> Budget {
    let limit = |of: fn(&raw::Budget) -> Option<u64>| budget.and_then(of);
    Budget {
        day_bytes: limit(|budget| budget.day.map(|day| day.0)),
        bits_per_second: limit(|budget| budget.rate.map(|rate| rate.0)),
    }
}

// === impl Watcher ===

impl Watcher {
    /// Whether this kind of device is among them.
    pub(crate) fn includes(self, watcher: Watcher) -> bool {
        self == watcher || self == Watcher::Both
    }
}

// === impl Names ===

impl Names {
    fn of(file: &raw::File) -> Self {
        let cameras = file.camera.0.iter().map(|(id, _)| id.to_string()).collect();
        let rules = file.rule.0.iter().map(|(id, rule)| (id.to_string(), rule::watcher(rule))).collect();
        Self { cameras, rules }
    }

    /// Ids of rules that this kind of device can watch, or might, where the rule is not clear.
    pub(crate) fn rules_for(&self, watcher: Watcher) -> Vec<&str> {
        let fits = |of: Option<Watcher>| of.is_none_or(|of| of.includes(watcher));
        self.rules.iter().filter(|(_, of)| fits(*of)).map(|(id, _)| id.as_str()).collect()
    }
}

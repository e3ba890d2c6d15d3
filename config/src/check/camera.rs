//! `[camera.ID]`.

use url::Url;

use super::detector::{self, CATALOGUE};
use super::{Check, Names, Watcher, broker, polygon};
use crate::model::{
    Camera, Deadlines, Detector, Diagnosis, Line, Model, Polygon, Priority, Secret, Sensitivity,
    StreamAddress, View,
};
use crate::raw::{self, At};
use crate::report::Problem;
use crate::secret::Template;

const EXAMPLE: &str = "for example \"rtsp://viewer:${env:CAM_PASSWORD}@10.0.0.12/Streaming/Channels/102\"";

impl Check<'_> {
    /// Cameras, and the detectors that they name, each once.
    pub(super) fn cameras(
        &mut self,
        file: &raw::File,
        own: Vec<(At<String>, Option<Detector>)>,
        names: &Names,
    ) -> (Vec<Camera>, Vec<Detector>) {
        let data_dir = file.data_dir();
        let mut detectors: Vec<Detector> = Vec::new();
        let mut cameras: Vec<Camera> = Vec::new();
        for (id, section) in &file.camera.0 {
            if let Some(detector) = self.detector_of(&section.detector, &own, &data_dir)
                && !detectors.iter().any(|other| other.name == detector.name)
            {
                detectors.push(detector);
            }
            let Some(camera) = self.camera(id, section, names) else { continue };
            if let Some(twin) = cameras.iter().find(|other| other.url == camera.url) {
                let message = format!("camera `{}` has the same URL as `{}`", camera.id, twin.id);
                self.problems.push(Problem::warning(id.place(), message));
            }
            cameras.push(camera);
        }
        for (name, _) in &own {
            if !file.camera.0.iter().any(|(_, camera)| *camera.detector == **name) {
                let message = format!("no camera uses detector `{}`", **name);
                self.problems.push(Problem::warning(name.place(), message));
            }
        }
        (cameras, detectors)
    }

    fn camera(&mut self, id: &At<String>, section: &raw::Camera, names: &Names) -> Option<Camera> {
        let path = format!("camera.{}", **id);
        if section.watches.is_empty() && !self.document.is_bad(&format!("{path}.watches")) {
            let message =
                format!("camera `{}` watches no rule: it will be connected and raise nothing", **id);
            self.problems.push(
                Problem::warning(id.place(), message).hint("add watches = [\"…\"] with the id of a rule"),
            );
        }
        let watches = self.watches(&section.watches, names, Watcher::Cameras);
        let masks = self.polygons("masks", &section.masks);
        let view = View {
            rotate_degrees: self.rotation(&section.rotate),
            tiles: section.tiles.as_ref().and_then(|tiles| columns_and_rows(tiles)),
            regions: self.polygons("regions", &section.regions),
        };
        let zone = |(name, corners): &(At<String>, At<raw::Corners>)| {
            Some((name.to_string(), self.polygon(&format!("zones.{}", **name), corners)?))
        };
        let zones = section.zones.0.iter().filter_map(zone).collect();
        let lines = section.lines.0.iter().filter_map(|(name, ends)| self.line(name, ends)).collect();
        let place = self.place(section.address.as_ref(), section.lon.as_ref(), section.lat.as_ref(), &path);
        let main = section.main_url.as_ref().and_then(|text| self.stream("main_url", text));
        let (url, address) = section.url.as_ref().and_then(|text| self.stream("url", text))?;
        if let (Some((main, _)), Some(text)) = (&main, &section.main_url)
            && *main == url
        {
            let message = format!("camera `{}`: `main_url` is the stream of `url`", **id);
            let hint = "`url` is the small stream that is looked at, `main_url` the large one that stills are taken from; \
                        leave `main_url` out where the camera has one stream";
            self.error(text.place(), message, hint);
        }
        let StreamAddress { username, password, .. } = address;
        Some(Camera {
            id: id.to_string(),
            name: section.name.clone().unwrap_or_else(|| id.to_string()),
            url,
            username,
            password,
            main: main.map(|(_, address)| address),
            allow_basic: section.allow_basic,
            detector: section.detector.to_string(),
            detections_per_second: section.detections_per_second,
            gate: section.gate == raw::Switch::On,
            sensitivity: section.sensitivity.into(),
            priority: section.priority.into(),
            watches,
            masks,
            view,
            zones,
            lines,
            deadlines: Deadlines::from(&section.deadlines),
            diagnosis: Diagnosis {
                is_on: section.diagnose == raw::Switch::On,
                frame_rate: section.frame_rate,
                key_frame_interval: section.key_frame_interval.map(|interval| interval.0),
            },
            place,
        })
    }

    /// The stream that a key names, its URL without the login.
    fn stream(&mut self, key: &str, text: &At<String>) -> Option<(Url, StreamAddress)> {
        let mut url = self.camera_url(key, text)?;
        let (username, password) = broker::credentials(&url);
        // Neither fails on a URL with a host.
        let is_stripped = url.set_username("").is_ok() && url.set_password(None).is_ok();
        let address = StreamAddress { url: url.to_string(), username, password: password.map(Secret::new) };
        is_stripped.then_some((url, address))
    }

    fn camera_url(&mut self, key: &str, text: &At<String>) -> Option<Url> {
        let expanded = self.secret(key, text, Template::Url)?;
        let url = match Url::parse(&expanded) {
            Ok(url) => url,
            Err(error) => {
                self.error(text.place(), format!("`{key}` is no URL: {error}"), EXAMPLE);
                return None;
            }
        };
        if url.scheme() != "rtsp" {
            self.error(text.place(), format!("`{key}` must begin with rtsp://"), EXAMPLE);
            return None;
        }
        if broker::host(&url).is_none() {
            self.error(text.place(), format!("`{key}` has no host"), EXAMPLE);
            return None;
        }
        Some(url)
    }

    /// The detector that a camera names: built in, of the catalogue, from a section, or an ONNX file.
    fn detector_of(
        &mut self,
        name: &At<String>,
        own: &[(At<String>, Option<Detector>)],
        data_dir: &str,
    ) -> Option<Detector> {
        if let Some((_, detector)) = own.iter().find(|(section, _)| **section == **name) {
            return detector.clone();
        }
        if let Some(detector) = detector::built_in(name) {
            return Some(detector);
        }
        if name.ends_with(".onnx") || CATALOGUE.contains(&name.as_str()) {
            let model = Model::File(self.model_file("detector", name, data_dir)?);
            return Some(Detector::new(name.to_string(), model));
        }
        let known = detector::ready_made().chain(own.iter().map(|(name, _)| name.as_str()));
        let problem = Problem::error(name.place(), format!("there is no detector `{}`", **name));
        self.problems.push(problem.did_you_mean(name, known));
        None
    }

    /// The polygons of a list that are some.
    fn polygons(&mut self, list: &str, polygons: &[At<raw::Corners>]) -> Vec<Polygon> {
        polygons.iter().filter_map(|corners| self.polygon(list, corners)).collect()
    }

    fn polygon(&mut self, name: &str, corners: &At<raw::Corners>) -> Option<Polygon> {
        if let Err(reason) = polygon::check(&corners.0) {
            self.error(
                corners.place(),
                format!("`{name}`: {reason}"),
                "list the corners in the order of the outline",
            );
            return None;
        }
        Some(Polygon(corners.0.iter().map(|[x, y]| (*x as f32, *y as f32)).collect()))
    }

    fn rotation(&mut self, degrees: &At<u16>) -> u16 {
        if !degrees.is_multiple_of(90) {
            let message = format!("`rotate` is {} degrees; allowed are 0, 90, 180 and 270", **degrees);
            self.error(
                degrees.place(),
                message,
                "how far the picture must be turned clockwise to be upright",
            );
        }
        **degrees
    }

    fn line(&mut self, name: &At<String>, ends: &At<raw::Ends>) -> Option<(String, Line)> {
        let [from, to] = ends.0.as_slice() else { return None };
        if from == to {
            let message = format!("`lines.{}` begins where it ends", **name);
            self.error(ends.place(), message, "give two different points, such as [[0.1, 0.6], [0.9, 0.6]]");
            return None;
        }
        let point = |[x, y]: &[f64; 2]| (*x as f32, *y as f32);
        Some((name.to_string(), Line(point(from), point(to))))
    }

    /// Rules that a device watches: they must exist and be of the device's kind.
    pub(super) fn watches(&mut self, entries: &[At<String>], names: &Names, watcher: Watcher) -> Vec<String> {
        let mut fitting: Vec<At<String>> = Vec::new();
        for entry in entries {
            let other = names
                .rules
                .iter()
                .find(|(id, of)| *id == **entry && of.is_some_and(|of| !of.includes(watcher)));
            if other.is_none() {
                fitting.push(entry.clone());
                continue;
            }
            let (message, hint) = match watcher {
                Watcher::Cameras => (
                    format!("`watches`: rule `{}` looks at a sensor, not at a camera", **entry),
                    "a camera watches rules with `object` or another condition over pictures",
                ),
                _ => (
                    format!("`watches`: rule `{}` looks at a camera, not at a sensor", **entry),
                    "a sensor watches rules with `state`, `threshold`, `rise`, `stuck` or `trend`",
                ),
            };
            self.error(entry.place(), message, hint);
        }
        self.references("watches", &fitting, "rule", &names.rules_for(watcher))
    }
}

/// `"3x2"`, which the schema has held against its pattern.
fn columns_and_rows(tiles: &str) -> Option<(usize, usize)> {
    let (columns, rows) = tiles.split_once('x')?;
    Some((columns.parse().ok()?, rows.parse().ok()?))
}

impl From<&raw::Deadlines> for Deadlines {
    fn from(raw: &raw::Deadlines) -> Self {
        Self {
            describe: raw.describe.0,
            setup: raw.setup.0,
            play: raw.play.0,
            first_key_frame: raw.first_key_frame.0,
            silence: raw.silence.0,
        }
    }
}

impl From<raw::Priority> for Priority {
    fn from(raw: raw::Priority) -> Self {
        match raw {
            raw::Priority::Low => Self::Low,
            raw::Priority::Normal => Self::Normal,
            raw::Priority::High => Self::High,
        }
    }
}

impl From<raw::Sensitivity> for Sensitivity {
    fn from(raw: raw::Sensitivity) -> Self {
        match raw {
            raw::Sensitivity::Low => Self::Low,
            raw::Sensitivity::Normal => Self::Normal,
            raw::Sensitivity::High => Self::High,
        }
    }
}

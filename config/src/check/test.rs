//! `[[test]]`: devices that are there, boxes that are boxes.

use super::Check;
use crate::model::{Camera, Expected, Happens, Sensor, Step, Test};
use crate::raw::{self, At};
use crate::report::Problem;

/// Where an object is that a test does not place.
const MIDDLE: [f32; 4] = [0.25, 0.25, 0.75, 0.75];

impl Check<'_> {
    pub(super) fn tests(&mut self, file: &raw::File, cameras: &[Camera], sensors: &[Sensor]) -> Vec<Test> {
        file.test.iter().filter_map(|test| self.test(test, cameras, sensors)).collect()
    }

    fn test(&mut self, test: &At<raw::Test>, cameras: &[Camera], sensors: &[Sensor]) -> Option<Test> {
        let start = test.start.parse();
        if let Err(error) = &start {
            let message = format!("`start` is no date and time: {error}");
            self.error(test.start.place(), message, "for example \"2026-01-05T22:00\"");
        }
        let steps = test.steps.as_ref()?;
        let steps = steps.iter().filter_map(|step| self.step(step, cameras, sensors)).collect();
        let expect = test.expect.iter().filter_map(|expected| {
            let place = expected.place();
            let raw::Expected { code, device, opened, closed, level } = &**expected;
            Some(Expected {
                place,
                code: code.as_ref()?.to_string(),
                device: device.as_ref().map(|device| device.to_string()),
                opened: opened.map(|opened| opened.0),
                closed: closed.map(|closed| closed.0),
                level: *level,
            })
        });
        let expect = expect.collect();
        let name = test.name.as_ref()?;
        Some(Test { name: name.to_string(), place: name.place(), start: start.ok()?, steps, expect })
    }

    fn step(&mut self, step: &At<raw::Step>, cameras: &[Camera], sensors: &[Sensor]) -> Option<Step> {
        let what = match (&step.camera, &step.sensor) {
            (Some(camera), None) => self.seen(step, camera, cameras),
            (None, Some(sensor)) => self.says(step, sensor, sensors),
            _ => {
                let message = "a step is about one `camera` or one `sensor`";
                self.error(step.place(), message, "give one of them, and make a step of each");
                None
            }
        };
        Some(Step { at: step.at?.0, lasts: step.lasts.0, what: what? })
    }

    fn seen(&mut self, step: &At<raw::Step>, camera: &At<String>, cameras: &[Camera]) -> Option<Happens> {
        let known = || cameras.iter().map(|camera| camera.id.as_str());
        if !known().any(|id| id == camera.as_str()) {
            let problem = Problem::error(camera.place(), format!("there is no camera `{}`", **camera));
            self.problems.push(problem.did_you_mean(camera, known()));
            return None;
        }
        let Some(label) = &step.label else {
            self.error(step.place(), "the camera sees nothing", "add label = \"person\", or another one");
            return None;
        };
        let from = self.area(step.area.as_ref()).unwrap_or(MIDDLE);
        let to = self.area(step.to.as_ref()).unwrap_or(from);
        let (camera, label) = (camera.to_string(), label.to_string());
        Some(Happens::Seen { camera, label, score: step.score as f32, from, to })
    }

    fn area(&mut self, area: Option<&At<Vec<f64>>>) -> Option<[f32; 4]> {
        let area = area?;
        let &[left, top, right, bottom] = area.as_slice() else { return None };
        if left >= right || top >= bottom {
            let hint = "write [left, top, right, bottom], from the picture's top left corner";
            self.error(area.place(), "the box encloses nothing", hint);
        }
        Some([left, top, right, bottom].map(|side| side as f32))
    }

    fn says(&mut self, step: &At<raw::Step>, sensor: &At<String>, sensors: &[Sensor]) -> Option<Happens> {
        let id = sensor.split_once('/').map_or(sensor.as_str(), |(id, _)| id);
        let Some(config_index) = sensors.iter().position(|known| known.id == id) else {
            let problem = Problem::error(sensor.place(), format!("there is no sensor `{id}`"));
            self.problems.push(problem.did_you_mean(id, sensors.iter().map(|sensor| sensor.id.as_str())));
            return None;
        };
        let Some(value) = &step.value else {
            self.error(step.place(), "the sensor says nothing", "add value = true, or a number");
            return None;
        };
        if !sensors[config_index].has(step.of) {
            let message = format!("sensor `{id}` has no `{}`", step.of.key());
            self.error(sensor.place(), message, "name one of the values that its messages carry");
        }
        let every = step.every.map(|every| every.0);
        let (sensor, value) = (sensor.to_string(), f64::from(**value));
        Some(Happens::Measured { sensor, config_index, of: step.of, value, every })
    }
}

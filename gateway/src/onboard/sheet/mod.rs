//! The filing sheet of a site (一机一档) and its acceptance report, as one document to be printed.
//!
//! The filing sheet says of each device what must stand on record: where it is, what it sees, what it is there for, how long
//! what it shows is kept. What is missing in the configuration is named, because operators are held to complete records. With
//! measurements of the cameras it is an acceptance report too. [`html`] draws it.
//!
//! Sources: State Council Decree 799, articles 13 (signs), 14 (filing within 30 days), 17 (30 days of keeping); a clock
//! counts as right within 5 s.

mod html;

use std::collections::BTreeMap;

use moshao_config::{Camera, Config, Place, Sensor};

use crate::camera::fault::SessionError;
use crate::camera::measure::{Figures, Sleep};
use crate::language::Language;

pub use html::html;

/// A camera's clock counts as right within this, seconds.
const CLOCK_OFFSET_MAX_S: f64 = 5.0;

/// What the document is made of.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The site.
    pub config: &'a Config,
    /// When it was made, for people.
    pub made: String,
    /// The language that it is written in.
    pub language: Language,
    /// What came of each camera, by its id; none where nothing was measured.
    pub measured: Option<BTreeMap<String, Result<Measured, SessionError>>>,
}

/// A camera that sends pictures.
#[derive(Debug)]
pub struct Measured {
    /// From the first connection to the first key frame, seconds.
    pub first_key_frame_s: f64,
    /// What it sends.
    pub figures: Figures,
    /// Whether it can sleep while nothing moves.
    pub sleep: Sleep,
    /// What to change in its settings.
    pub advice: Vec<String>,
}

/// What a device's record lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A name for people.
    Name,
    /// An address.
    Address,
    /// Longitude and latitude.
    Position,
    /// A rule: nothing that it tells becomes an event.
    Rule,
}

/// How a camera did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does what it should.
    Passed,
    /// It sends pictures, and something should be changed.
    Remarks,
    /// No pictures, or a wrong clock.
    Failed,
}

// === impl Measured ===

impl Measured {
    fn verdict(&self) -> Verdict {
        let is_clock_wrong =
            self.figures.clock_offset_s.is_some_and(|offset| offset.abs() > CLOCK_OFFSET_MAX_S);
        match () {
            () if is_clock_wrong => Verdict::Failed,
            () if self.advice.is_empty() && self.figures.lost_packets == 0 => Verdict::Passed,
            () => Verdict::Remarks,
        }
    }
}

// === impl Lack ===

impl Lack {
    fn word(self, language: Language) -> &'static str {
        match self {
            Lack::Name => language.pick("名称", "name"),
            Lack::Address => language.pick("地址", "address"),
            Lack::Position => language.pick("经纬度", "longitude and latitude"),
            Lack::Rule => language.pick("规则", "rule"),
        }
    }
}

/// What the record of a camera lacks.
pub fn lacks_of_camera(camera: &Camera) -> Vec<Lack> {
    lacks(&camera.id, &camera.name, &camera.place, &camera.watches)
}

/// What the record of a sensor lacks.
pub fn lacks_of_sensor(sensor: &Sensor) -> Vec<Lack> {
    lacks(&sensor.id, &sensor.name, &sensor.place, &sensor.watches)
}

fn lacks(id: &str, name: &str, place: &Place, watches: &[String]) -> Vec<Lack> {
    let lacks = [
        (Lack::Name, name == id),
        (Lack::Address, place.address.is_none()),
        (Lack::Position, place.lon.is_none() || place.lat.is_none()),
        (Lack::Rule, watches.is_empty()),
    ];
    lacks.into_iter().filter(|(_, is_missing)| *is_missing).map(|(lack, _)| lack).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use moshao_config::Environment;

    use super::*;
    use crate::worker::link::StreamFault;

    const SITE: &str = r#"
[gateway]
id = "gw-0007"
division = "510104001001"
[grid]
code = "510104001001003"
name = "东湖村第三网格"
[uplink]
url = "mqtts://centre.example"
[sensors]
url = "mqtt://127.0.0.1"
[camera.gate]
name = "大门 <东>"
url = "rtsp://viewer:geheim@10.0.0.12/102"
watches = ["fire-video"]
address = "东湖村 1 号"
lon = 104.066
lat = 30.572
masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]]
[camera.yard]
url = "rtsp://10.0.0.13/102"
watches = ["fire-video"]
[sensor.hydrant]
name = "消火栓"
kind = "pressure"
unit = "MPa"
topic = "hydrant"
value = "/MPa"
watches = ["water"]
address = "东湖村 2 号"
[rule.fire-video]
object = { labels = ["fire", "smoke"] }
[rule.water]
threshold = { below = 0.14 }
"#;

    fn site() -> Config {
        moshao_config::parse(SITE, "site.toml", &Environment::of_process(Path::new("."))).expect("a site")
    }

    fn measured(clock_offset_s: f64, advice: &[&str]) -> Measured {
        let figures = Figures {
            codec: "h264",
            width: 640,
            height: 360,
            seconds: 10.0,
            pictures: 150,
            fps: 15.0,
            key_frame_interval_s: Some(2.0),
            key_frame_interval_pictures: Some(30),
            kbit_s: 400.0,
            key_frame_bytes: 20_000,
            picture_bytes: 1_000,
            unreferenced_share: 0.0,
            lost_packets: 0,
            longest_gap_ms: 70,
            clock_offset_s: Some(clock_offset_s),
        };
        let advice = advice.iter().map(|line| (*line).to_owned()).collect();
        Measured { first_key_frame_s: 0.8, figures, sleep: Sleep::KeyFrames, advice }
    }

    fn document(measured: Option<BTreeMap<String, Result<Measured, SessionError>>>) -> String {
        let config = site();
        html(&Sheet {
            config: &config,
            made: "2026-11-27 10:00".to_owned(),
            language: Language::Chinese,
            measured,
        })
    }

    #[test]
    fn what_the_records_lack_is_named() {
        let config = site();
        assert_eq!(lacks_of_camera(&config.cameras[0]), []);
        assert_eq!(lacks_of_camera(&config.cameras[1]), [Lack::Name, Lack::Address, Lack::Position]);
        assert_eq!(lacks_of_sensor(&config.sensors[0]), [Lack::Position]);
        assert!(document(None).contains("3 台设备中 1 台档案完整"));
    }

    #[test]
    fn no_password_stands_in_it_and_no_name_breaks_it() {
        let text = document(None);
        assert!(!text.contains("geheim") && !text.contains("viewer"), "a login is nobody's business");
        assert!(text.contains("大门 &lt;东&gt;") && text.contains("10.0.0.12"));
        assert!(!text.contains("验收报告"), "nothing was measured");
    }

    #[test]
    fn a_camera_fails_without_pictures_or_with_a_wrong_clock_and_advice_is_a_remark() {
        assert_eq!(measured(0.2, &[]).verdict(), Verdict::Passed);
        assert_eq!(measured(-4.0, &["set the key frame interval to 2 s"]).verdict(), Verdict::Remarks);
        assert_eq!(measured(-6.0, &[]).verdict(), Verdict::Failed);
        let dead = SessionError { fault: StreamFault::Unreachable, message: "no answer in 10 s".to_owned() };
        let came =
            BTreeMap::from([("gate".to_owned(), Ok(measured(0.2, &[]))), ("yard".to_owned(), Err(dead))]);
        let text = document(Some(came));
        assert!(text.contains("验收报告") && text.contains("1 台合格，0 台需改进，1 台不合格"), "{text}");
        assert!(text.contains("no answer in 10 s") && text.contains("查电源"));
    }
}

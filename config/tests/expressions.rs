//! Conditions in CEL: what they say of what is known, and that nothing in them takes long or brings anything down.

use std::path::Path;
use std::time::{Duration, Instant};

use moshao_config::sample::HEAD;
use moshao_config::{Condition, Environment, Expression, Field, Known, Named, Quantity, Report};

const SITE: &str = r#"
[camera.yard]
url = "rtsp://10.0.0.12/102"
detector = "yolox-nano"
watches = []
[camera.store]
url = "rtsp://10.0.0.13/102"
detector = "moshao-fire"
watches = []
[sensor.boiler]
kind = "other"
unit = "Cel"
topic = "boiler"
value = "/degrees"
watches = ["one"]
[sensor.smoke]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/{room}"
[rule.one]
"#;

fn compile(cel: &str) -> Result<Expression, Report> {
    let text = format!("{HEAD}{SITE}when = {{ cel = {} }}\n", serde_json::to_string(cel).unwrap());
    let config = moshao_config::parse(&text, "site.toml", &Environment::of_process(Path::new(".")))?;
    match &config.rules[0].condition {
        Condition::When { expression, .. } => Ok(expression.clone()),
        other => panic!("{other:?}"),
    }
}

/// The boiler has 61.5 Cel, there is smoke in the hall and nothing is known of the attic; the yard is empty.
fn known(device: &Named, field: Field) -> Option<Known> {
    match (device, field) {
        (Named::Own, Field::Of(Quantity::Value)) => Some(Known::Number(61.5)),
        (Named::Own, Field::Age) => Some(Known::Number(3.0)),
        (Named::Sensor(id), Field::Of(Quantity::Value)) if id == "smoke/hall" => Some(Known::YesNo(true)),
        (Named::Camera(_), Field::Labels) => Some(Known::Words(Vec::new())),
        _ => None,
    }
}

fn holds(cel: &str) -> Option<bool> {
    compile(cel).unwrap_or_else(|report| panic!("{report}")).holds(known)
}

#[test]
fn what_is_known_decides() {
    assert_eq!(holds("value > 60.0"), Some(true));
    assert_eq!(holds("value > 60"), Some(true), "comparing needs no point");
    assert_eq!(holds("value > 62.0 || age > 2.0 && sensors['smoke/hall'].value"), Some(true));
    assert_eq!(holds("'person' in cameras['yard'].labels"), Some(false));
    assert_eq!(holds("cameras['yard'].labels.all(l, l == 'car') ? value < 1.0 : true"), Some(false));
    assert_eq!(holds("size(cameras['yard'].labels) == 0"), Some(true));
}

#[test]
fn what_is_not_known_decides_nothing_unless_it_does_not_matter() {
    assert_eq!(holds("sensors['smoke/attic'].value"), None);
    assert_eq!(holds("value > 60.0 && sensors['smoke/attic'].value"), None);
    assert_eq!(holds("value > 60.0 || sensors['smoke/attic'].value"), Some(true));
    assert_eq!(holds("sensors['smoke/attic'].value && value > 62.0"), Some(false));
    assert_eq!(holds("has(sensors['smoke/attic'].value)"), Some(false));
    assert_eq!(holds("!has(sensors['smoke/attic'].value) && has(sensors['smoke/hall'].value)"), Some(true));
    assert_eq!(holds("cameras['yard'].up"), None);
}

#[test]
fn only_what_asks_for_age_or_rise_follows_time() {
    let follows = |cel: &str| compile(cel).unwrap().follows_time();
    assert!(!follows("value > 60.0 && 'person' in cameras['yard'].labels"));
    assert!(follows("age > 60.0") && follows("rise > 2.0") && follows("cameras['yard'].age > 5.0"));
}

#[test]
fn hostile_expressions_are_refused_and_nothing_falls_over() {
    let many = |text: &str, count: usize| text.repeat(count);
    for cel in [
        format!("{}true{}", many("(", 400), many(")", 400)),
        format!("{}true", many("!", 900)),
        format!("{}value > 1.0", many("-", 900)),
        format!("{}true", many("true ? true : ", 70)),
        format!("value{} > 1.0", many("+1.0", 240)),
        format!("value{} > 1.0", many(".a", 400)),
        format!("value > 1.0{}", many(" ", 1000)),
        format!("{}1{} == 1", many("[", 300), many("]", 300)),
        "'\u{0}' == '\u{ffff}".to_owned(),
        String::new(),
    ] {
        let begin = Instant::now();
        if let Ok(expression) = compile(&cel) {
            expression.holds(known);
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{cel}");
    }
    assert!(compile(&format!("value{} > 1.0", many("+1.0", 240))).is_err(), "too deep to be evaluated");
    assert!(compile(&format!("value > 1.0{}", many(" ", 1000))).is_err(), "too long");
}

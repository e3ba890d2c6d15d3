//! What a camera's rules ask for. A detector may know eighty kinds of things; what no rule asks for neither wakes a
//! sleeping camera nor keeps one awake. Moths near an infrared lamp are seen as balls and aeroplanes, and it costs nothing
//! to know that nobody asked for those.

use moshao_config::{Camera, Condition, Config, Field, Named};

/// The labels that a rule asks this camera for, sorted; none where any may be meant: a rule is written as an expression
/// over all that the camera sees, or no rule asks for anything.
pub(super) fn heeded(camera: &Camera, config: &Config) -> Vec<String> {
    let watches = |id: &str| camera.watches.iter().any(|watched| watched == id);
    let mut labels = Vec::new();
    for rule in &config.rules {
        match &rule.condition {
            Condition::When { expression, .. } => {
                let is_meant = |device: &Named| match device {
                    Named::Own => watches(&rule.id),
                    Named::Camera(id) => *id == camera.id,
                    Named::Sensor(_) => false,
                };
                if expression
                    .inputs()
                    .iter()
                    .any(|input| input.field == Field::Labels && is_meant(&input.device))
                {
                    return Vec::new();
                }
            }
            condition if watches(&rule.id) => {
                labels.extend(
                    condition.subject().into_iter().flat_map(|subject| subject.labels.iter().cloned()),
                );
            }
            _ => {}
        }
    }
    labels.sort_unstable();
    labels.dedup();
    labels
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use moshao_config::Environment;
    use moshao_config::sample::HEAD;

    use super::*;

    /// What each camera heeds, by the order of the configuration.
    fn heeded_by(cameras: &[(&str, &str)], rules: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut text = HEAD.to_owned();
        for (id, watches) in cameras {
            text += &format!("[camera.{id}]\nurl = \"rtsp://10.0.0.1/{id}\"\nwatches = [{watches}]\n");
        }
        for (id, condition) in rules {
            text += &format!("[rule.{id}]\n{condition}\nlevel = 3\ncategory = \"fire\"\nkind = \"video\"\n");
        }
        let config =
            moshao_config::parse(&text, "site.toml", &Environment::of_process(Path::new("."))).unwrap();
        config.cameras.iter().map(|camera| heeded(camera, &config)).collect()
    }

    const FIRE: (&str, &str) =
        ("fire", "object = { labels = [\"fire\", \"smoke\"], at_least = 3, within = \"2s\" }");
    const SMOKE: (&str, &str) = ("smoke", "object = { labels = [\"smoke\"], at_least = 9, within = \"9s\" }");

    #[test]
    fn a_camera_heeds_what_the_rules_that_it_watches_ask_for() {
        let heeded = heeded_by(&[("a", "\"fire\", \"smoke\""), ("b", "\"smoke\"")], &[FIRE, SMOKE]);
        assert_eq!(heeded, [vec!["fire", "smoke"], vec!["smoke"]]);
    }

    #[test]
    fn where_nobody_says_what_is_meant_everything_is_heeded() {
        let of_b = ("of-b", "when = { cel = \"'fire' in cameras['b'].labels\" }");
        let heeded =
            heeded_by(&[("a", "\"smoke\", \"of-b\""), ("b", "\"smoke\""), ("c", "")], &[SMOKE, of_b]);
        assert_eq!(heeded, [vec!["smoke"], vec![], vec![]], "b is read by an expression, c has no rules");
        let own = ("own", "when = { cel = \"labels.size() > 3\" }");
        assert_eq!(heeded_by(&[("a", "\"smoke\", \"own\"")], &[SMOKE, own]), [[] as [&str; 0]]);
    }
}

//! Sections of configuration for the gateways under test.

use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::footage::data_dir;

/// How long pictures may take to flow: connecting, a key frame every 2 s, a detector to load, on a busy machine.
pub(crate) const CAMERA_START: Duration = Duration::from_secs(30);

/// How long something may take that follows from flowing pictures: the footage shows nobody for up to 10 s.
pub(crate) const NEXT_PERSON: Duration = Duration::from_secs(60);

/// The command centre's broker.
pub(crate) fn uplink(broker: &Broker) -> String {
    format!("[uplink]\nurl = \"{}\"\n", broker.url())
}

/// YOLOX-nano from the test data and a rule for persons. `None` without the test data.
pub(crate) fn person_detector() -> Option<String> {
    let model = data_dir()?.join("models/yolox_nano.onnx");
    Some(format!(
        "[detector.yolox-nano]\nfile = \"{}\"\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\n\
         level = 3\ncategory = \"security\"\nkind = \"person\"\nclear_after = \"2s\"\n",
        model.display()
    ))
}

/// A camera that the detector and the rule of [`person_detector`] watch.
pub(crate) fn camera(id: &str, url: &str) -> String {
    format!(
        "[camera.{id}]\nurl = \"{url}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\n\
         deadlines = {{ describe = \"5s\", first_key_frame = \"10s\", silence = \"3s\" }}\n"
    )
}

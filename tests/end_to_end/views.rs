//! How a camera hangs and what of its picture is looked at: turned, in tiles, in regions, with places drawn in it.

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_ON_ITS_SIDE;
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;

use crate::site::{NEXT_PERSON, camera, person_detector, uplink};

/// Somebody stands in a place: the floor is at the right of the picture as it comes, where the feet of all are; what is
/// the bottom of their boxes there lies on the wall.
const PLACES: &str = "[rule.on-floor]\n\
    object = { labels = [\"person\"], at_least = 2, within = \"2s\", zone = \"floor\" }\n\
    level = 3\ncategory = \"security\"\nkind = \"on-floor\"\nclear_after = \"2s\"\n\
    [rule.on-wall]\n\
    object = { labels = [\"person\"], at_least = 2, within = \"2s\", zone = \"wall\" }\n\
    level = 3\ncategory = \"security\"\nkind = \"on-wall\"\nclear_after = \"2s\"\n";
const ZONES: &str = "zones.floor = [[0.8, 0.0], [1.0, 0.0], [1.0, 1.0], [0.8, 1.0]]\n\
    zones.wall = [[0.0, 0.0], [0.8, 0.0], [0.8, 1.0], [0.0, 1.0]]\n";

/// Where people walk and stand, and a strip where nobody ever is: from the upper to the lower edge, fractions.
const BUSY: [f32; 2] = [0.2, 0.75];
const EMPTY: [f32; 2] = [0.78, 1.0];

#[test]
fn a_camera_on_its_side_tells_who_stands_where_and_sees_its_regions_alone() {
    let (Some(detector), Some(footage)) = (person_detector(), PERSON_ON_ITS_SIDE.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(footage));
    let view = |id: &str, [from, to]: [f32; 2], watches: &str| {
        let region = format!("[[0.0, {from}], [1.0, {from}], [1.0, {to}], [0.0, {to}]]");
        let camera = camera(id, &server.url()).replace("[\"person\"]", watches);
        format!("{camera}rotate = 90\ntiles = \"2x1\"\nregions = [{region}]\n")
    };
    let busy = view("busy", BUSY, "[\"on-floor\", \"on-wall\"]") + ZONES;
    let empty = view("empty", EMPTY, "[\"person\"]");
    let gateway = Gateway::start(&(uplink(&broker) + &detector + PLACES + &busy + &empty));

    let opened = centre.wait_for("somebody stands on the floor", NEXT_PERSON, |event| {
        event.data.rule == "on-floor" && event.data.phase == Phase::Opened
    });
    assert_eq!(opened.event.subject, "camera/busy");
    let [left, top, right, bottom] = opened.event.data.objects.first().expect("who it is").area;
    let [width, height] = [right * 720.0 - left * 720.0, bottom * 1280.0 - top * 1280.0];
    assert!(width > height, "somebody upright lies in the picture as it comes: {width}x{height} pixels");
    assert!((BUSY[0]..BUSY[1]).contains(&top.midpoint(bottom)), "{top} to {bottom} is outside the region");

    centre.wait_for("they have left", NEXT_PERSON, |event| {
        event.correlationid == opened.event.correlationid && event.data.phase == Phase::Closed
    });
    let others: Vec<String> = centre
        .received()
        .into_iter()
        .filter(|received| received.event.data.rule != "on-floor")
        .map(|received| format!("{} {}", received.event.subject, received.event.data.rule))
        .collect();
    assert!(others.is_empty(), "nobody stands on a wall, nor where nobody is: {others:?}");
    assert!(gateway.metric("moshao_camera_access_units_total", &[("camera", "empty")]) > 0.0);
}

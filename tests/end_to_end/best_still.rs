//! The still that shows an incident best.

use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_ZOOMED_IN;
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;

use crate::site::{camera, person_detector, uplink};

/// The camera zooms in once in 20 s of footage, while somebody walks through.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_better_still_than_the_first_is_told_and_is_the_only_best_one() {
    let (Some(detector), Some(file)) = (person_detector(), PERSON_ZOOMED_IN.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let server = CameraServer::start(CameraOptions::playing(file));
    let gateway = Gateway::start(&(uplink(&broker) + &detector + &camera("gate", &server.url())));
    let told = centre.wait_for("a better still", PATIENCE, |event| {
        event.data.evidence.iter().filter(|kept| kept.kind == "image").count() >= 2
    });
    let stills: Vec<_> = told.event.data.evidence.iter().filter(|kept| kept.kind == "image").collect();
    let best: Vec<_> = stills.iter().filter(|kept| kept.best).collect();
    assert_eq!(best.len(), 1, "{stills:?}");
    assert!(best[0].taken > stills[0].taken, "{stills:?}");
    for kept in stills {
        let file = gateway.data_dir().join(&kept.reference);
        let picture = image::open(&file).expect("it is on the box and a picture");
        assert!(picture.width() >= 320 && kept.masked, "{kept:?}");
    }
}

//! Whatever goes wrong while a camera sleeps, it finds the person that comes after.

use std::path::PathBuf;
use std::time::Duration;

use moshao::event::Phase;
use moshao_tests::broker::Broker;
use moshao_tests::compose::encoder::{Rate, Settings};
use moshao_tests::footage::Codec;
use moshao_tests::gateway::Gateway;
use moshao_tests::simulated_camera::SimulatedCamera;
use moshao_tests::skip;
use moshao_tests::subscriber::Subscriber;
use moshao_tests::wait::eventually;

use crate::stage::{self, ASLEEP, PERSON};

const SIZE: (u32, u32) = (640, 360);

/// Nothing goes wrong in so many seconds of pictures, with some to spare; the person comes long after it is over.
const FAULT_FROM_S: u32 = 14;

#[test]
fn a_sleeping_camera_that_lost_packets_finds_the_next_person() {
    let Some(gateway) = the_person_is_found_after(&["loss=40%@16s-21s"], once()) else { return };
    let lost = gateway.metric("moshao_camera_lost_packets_total", &[]);
    assert!(lost > 0.0, "the fault has happened");
}

#[test]
fn a_sleeping_camera_whose_key_frames_were_corrupt_finds_the_next_person() {
    the_person_is_found_after(&["corrupt-key-frames@16s-21s"], once());
}

#[test]
fn a_sleeping_camera_whose_key_frames_were_missing_finds_the_next_person() {
    the_person_is_found_after(&["no-key-frames@16s-22s"], once());
}

#[test]
fn a_sleeping_camera_whose_clock_leapt_ahead_finds_the_next_person() {
    the_person_is_found_after(&["clock-jump=17s+60m"], once());
}

#[test]
fn a_sleeping_camera_whose_clock_fell_back_finds_the_next_person() {
    the_person_is_found_after(&["clock-jump=17s-5s"], once());
}

#[test]
fn a_sleeping_camera_whose_picture_changed_its_size_finds_the_next_person() {
    let files = || {
        let wide = stage::recipe(Codec::H264, (960, 540))?;
        let quiet = stage::quiet(Codec::H264, SIZE)?;
        Some(vec![stage::composed(&quiet).file, stage::composed(&wide).file])
    };
    the_person_is_found_after(&[], files());
}

/// Groups of pictures that are larger than any ring: it cannot look back to the key frame.
#[test]
fn a_camera_whose_groups_of_pictures_overrun_the_ring_finds_the_person() {
    let files = || {
        let mut recipe = stage::recipe(Codec::H264, (1280, 720))?;
        recipe.noise = 9.0;
        recipe.camera = Settings { rate: Rate::Constant(14_000), key_frame_every_s: 8, ..recipe.camera };
        Some(vec![stage::composed(&recipe).file])
    };
    let Some(files) = files() else { return skip("needs footage and models (MOSHAO_TEST_DATA)") };
    let bytes = std::fs::metadata(&files[0]).expect("it has been composed").len() as f64;
    let group_bytes = bytes * 8.0 / (2.0 * stage::QUIET_S + 8.0);
    assert!(group_bytes > moshao::camera::ring::BYTES_MAX as f64, "{group_bytes} bytes overrun no ring");
    watch(&[], &files, false);
}

/// The stream in which the person comes.
fn once() -> Option<Vec<PathBuf>> {
    Some(vec![stage::composed(&stage::recipe(Codec::H264, SIZE)?).file])
}

/// The gateway that has found the person; none where the test is skipped.
fn the_person_is_found_after(faults: &[&str], files: Option<Vec<PathBuf>>) -> Option<Gateway> {
    if files.is_none() {
        skip("needs footage and models (MOSHAO_TEST_DATA)");
    }
    files.map(|files| watch(faults, &files, true))
}

/// Watches the files; `sleeps` where the camera has to be asleep when the fault comes.
fn watch(faults: &[&str], files: &[PathBuf], sleeps: bool) -> Gateway {
    let server = SimulatedCamera::start(files, Duration::ZERO, faults);
    let broker = Broker::start();
    let centre = Subscriber::start(broker.port);
    let gateway = Gateway::start(
        &(stage::uplink(&broker) + &stage::detector() + &stage::camera("gate", server.url(), "on")),
    );
    if sleeps {
        eventually("the quiet camera sleeps", ASLEEP, || {
            (gateway.metric("moshao_camera_asleep", &[]) == 1.0).then_some(())
        });
        // Counted in pictures, so that a slow machine shows as what it is and not as a gate that failed.
        let received = gateway.metric("moshao_camera_access_units_total", &[]);
        assert!(received < f64::from(FAULT_FROM_S * stage::FPS), "it sleeps before anything goes wrong");
    }
    centre.wait_for("the person is told", PERSON, |event| {
        event.data.rule == "person" && event.data.phase == Phase::Opened
    });
    gateway
}

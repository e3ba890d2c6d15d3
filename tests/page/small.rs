//! How large the parent is while somebody looks at the page.

use std::thread::sleep;
use std::time::{Duration, Instant};

use moshao_tests::browser::Browser;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::{processes, skip};

use crate::seen::{NO_BROWSER, PHONE, gateway, move_in};

const CAMERAS: usize = 4;
/// How long each tab is looked at.
const LOOKING: Duration = Duration::from_secs(10);
/// What the parent may take, bytes.
const PARENT_MAX_BYTES: u64 = 60_000_000;

#[test]
fn the_parent_stays_small_while_somebody_looks_at_every_tab() {
    let Some(footage) = PERSON_360P_H264.file() else { return skip("needs footage (MOSHAO_TEST_DATA)") };
    let Some(browser) = Browser::start(PHONE) else { return skip(NO_BROWSER) };
    let server = CameraServer::start(CameraOptions::playing(footage));
    let camera = |number| format!("[camera.gate-{number}]\nurl = \"{}\"\n", server.url());
    let (gateway, url) = gateway(&(0..CAMERAS).map(camera).collect::<String>());
    for number in 0..CAMERAS {
        gateway.wait_until_camera_is_up(&format!("gate-{number}"), Duration::from_secs(60));
    }
    move_in(&browser, &gateway, &url);
    browser.wait_for(".card .words", "");
    let mut largest = 0;
    for tab in ["#/", "#/camera/gate-0", "#/incidents", "#/box"] {
        browser.open(&format!("{url}{tab}"));
        let begin = Instant::now();
        while begin.elapsed() < LOOKING {
            largest = largest.max(processes::memory_bytes(gateway.pid()).expect("it runs"));
            sleep(Duration::from_millis(200));
        }
    }
    println!("the parent took at most {:.1} MB, {CAMERAS} cameras, page open", largest as f64 / 1e6);
    assert!(largest <= PARENT_MAX_BYTES, "{largest} bytes");
}

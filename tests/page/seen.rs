//! The page as people see it: a real Chromium, on a phone and at a desk, in both languages.

use std::time::Duration;

use moshao_tests::browser::{Browser, Visitor};
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{PERSON_1080P_H264, data_dir};
use moshao_tests::gateway::Gateway;
use moshao_tests::page_client::{PASSWORD, code, page_section};
use moshao_tests::skip;

pub(crate) const PHONE: Visitor = Visitor { language: "zh-CN", is_phone: true, is_dark: false };
const DESK: Visitor = Visitor { language: "en", is_phone: false, is_dark: false };
pub(crate) const NO_BROWSER: &str = "needs chromium and chromium-driver";
const UPLINK: &str = "[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n";
/// On a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const DEAD_CAMERA: &str = "[camera.yard]\nname = \"晒场\"\nurl = \"rtsp://127.0.0.1:9/live\"\n";

/// A gateway with a page, and its address.
pub(crate) fn gateway(sections: &str) -> (Gateway, String) {
    let (page, port) = page_section();
    (Gateway::start(&format!("{UPLINK}{page}{sections}")), format!("http://127.0.0.1:{port}/"))
}

/// Sets the first password, as the installer does.
pub(crate) fn move_in(browser: &Browser, gateway: &Gateway, url: &str) {
    browser.open(url);
    browser.type_into("label:nth-of-type(1) input", &code(gateway));
    browser.type_into("label:nth-of-type(2) input", PASSWORD);
    browser.type_into("label:nth-of-type(3) input", PASSWORD);
    browser.click("button[type=submit]");
}

#[test]
fn an_installer_sets_the_password_and_reads_what_is_wrong_in_chinese() {
    let Some(browser) = Browser::start(PHONE) else { return skip(NO_BROWSER) };
    let (gateway, url) = gateway(DEAD_CAMERA);
    browser.open(&url);
    browser.wait_for("h1", "欢迎");
    browser.picture("1-welcome");
    move_in(&browser, &gateway, &url);
    browser.wait_for(".card .words", "连不上，或连接断开");
    browser.wait_for(".card .remedy", "查电源、网线、地址和端口");
    browser.wait_for(".headline h1", "项需要处理");
    browser.picture("2-overview-trouble");
    browser.click("[data-tab='#/box']");
    browser.wait_for(".rows .words", "连不上");
    browser.picture("3-box");
    assert_eq!(browser.script("return document.documentElement.lang"), "zh-CN");
    let sideways = browser.script("return document.documentElement.scrollWidth > innerWidth");
    assert_eq!(sideways, false, "nothing sticks out on a phone");
}

#[test]
fn a_wrong_password_is_refused_and_too_many_lock_the_door() {
    let Some(browser) = Browser::start(DESK) else { return skip(NO_BROWSER) };
    let (gateway, url) = gateway("");
    move_in(&browser, &gateway, &url);
    browser.wait_for(".headline h1", "look after");
    browser.click("[data-tab='#/box']");
    browser.click("main > .buttons:last-child button");
    browser.wait_for("button[type=submit]", "Log in");
    for _ in 0..5 {
        browser.type_into("input[type=password]", "a wrong guess");
        browser.click("button[type=submit]");
        browser.wait_for(".trouble", "that is not right");
    }
    browser.type_into("input[type=password]", PASSWORD);
    browser.click("button[type=submit]");
    browser.wait_for(".trouble", "too many wrong tries");
    browser.picture("4-locked");
}

#[test]
fn the_language_can_be_switched() {
    let Some(browser) = Browser::start(DESK) else { return skip(NO_BROWSER) };
    let (_gateway, url) = gateway("");
    browser.open(&url);
    browser.wait_for("h1", "Welcome");
    browser.click("button.quiet");
    browser.wait_for("h1", "欢迎");
    browser.reload();
    browser.wait_for("h1", "欢迎");
}

#[test]
fn a_configuration_that_is_not_taken_and_one_on_trial_are_told_on_the_overview() {
    let Some(browser) = Browser::start(PHONE) else { return skip(NO_BROWSER) };
    let (gateway, url) = gateway("");
    move_in(&browser, &gateway, &url);
    browser.wait_for(".rows .words", "试运行至");
    let good = std::fs::read_to_string(gateway.config_file()).expect("it is there");
    let wrong = good.replace("[page]", "[page]\nlissten = \"127.0.0.1:1\"");
    std::fs::write(gateway.config_file(), wrong).expect("it can be written");
    browser.wait_for(".rows .detail", "did you mean `listen`?");
    browser.picture("16-configuration-refused");
    let sideways = browser.script("return document.documentElement.scrollWidth > innerWidth");
    assert_eq!(sideways, false, "nothing sticks out on a phone");
    std::fs::write(gateway.config_file(), good + "[budget]\nday = \"5MB\"\n").expect("it can be written");
    browser.wait_for(".rows .detail", "by a save of the file");
    browser.picture("17-configuration-on-trial");
}

#[test]
fn a_zone_a_line_and_a_mask_drawn_on_the_picture_are_found_in_the_configuration() {
    for visitor in [DESK, PHONE] {
        let Some(browser) = Browser::start(visitor) else { return skip(NO_BROWSER) };
        let (gateway, url) = gateway("[camera.gate]\nurl = \"rtsp://127.0.0.1:9/live\"\n");
        move_in(&browser, &gateway, &url);
        browser.wait_for(".headline", "");
        browser.open(&format!("{url}#/camera/gate/edit"));
        browser.wait_for(".segments", "");
        browser.drag(".picture", (0.2, 0.3), (0.6, 0.8));
        browser.type_into(".shapes input", "door\t");
        browser.click("[data-kind=line]");
        browser.drag(".picture", (0.1, 0.5), (0.9, 0.55));
        browser.click("[data-kind=mask]");
        for corner in [(0.7, 0.1), (0.95, 0.1), (0.9, 0.25)] {
            browser.tap(".picture", corner);
        }
        browser.picture("5-drawing");
        browser.click(".picture ~ .buttons button.primary");
        browser.click(".save button");
        browser.wait_for(".result.good", "");
        browser.picture("6-drawn");

        let config = moshao_config::load(&gateway.config_file()).expect("what was written is good");
        let camera = &config.cameras[0];
        let (name, zone) = &camera.zones[0];
        assert_eq!(name, "door");
        assert!(near(&zone.0, &[(0.2, 0.3), (0.6, 0.3), (0.6, 0.8), (0.2, 0.8)]), "{zone:?}");
        let (_, moshao_config::Line(from, to)) = camera.lines[0];
        assert!(near(&[from, to], &[(0.1, 0.5), (0.9, 0.55)]), "{from:?} {to:?}");
        assert!(near(&camera.masks[0].0, &[(0.7, 0.1), (0.95, 0.1), (0.9, 0.25)]), "{:?}", camera.masks[0]);
    }
}

#[test]
fn the_walk_test_sees_a_person_of_real_footage() {
    let (Some(data), Some(footage)) = (data_dir(), PERSON_1080P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let Some(browser) = Browser::start(PHONE) else { return skip(NO_BROWSER) };
    let server = CameraServer::start(CameraOptions::playing(footage));
    let sections = format!(
        "[detector.yolox-nano]\nfile = \"{}\"\n[camera.gate]\nname = \"村口\"\nurl = \"{}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\n\
         masks = [[[0.02, 0.03], [0.25, 0.03], [0.25, 0.3], [0.02, 0.3]]]\n\
         zones = {{ everywhere = [[0, 0], [1, 0], [1, 1], [0, 1]] }}\nlines = {{ doorstep = [[0.3, 0.9], [0.8, 0.85]] }}\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\nlevel = 3\ncategory = \"security\"\nkind = \"person\"\n{DEAD_CAMERA}",
        data.join("models/yolox_nano.onnx").display(),
        server.url()
    );
    let (gateway, url) = gateway(&sections);
    gateway.wait_until_camera_is_up("gate", Duration::from_secs(30));
    move_in(&browser, &gateway, &url);
    browser.wait_for(".card .words", "正常");
    browser.open(&format!("{url}#/camera/gate"));
    browser.wait_for("h1", "村口");
    browser.click(".buttons button.primary");
    browser.wait_for(".visits [data-condition=good] .words", "看到：person");
    browser.wait_for(".visits [data-condition=good] .name", "everywhere");
    browser.picture("7-walk-test");
    browser.wait_for(".picture .nothing", "");
    let picture =
        "return [...document.querySelectorAll('.picture img')].some((image) => image.naturalWidth === 1280)";
    moshao_tests::wait::eventually("the camera's picture is shown", PATIENCE, || {
        (browser.script(picture) == true).then_some(())
    });
    browser.picture("8-camera");
    browser.click("[data-tab='#/']");
    browser.wait_for(".card .words", "正常");
    moshao_tests::wait::eventually("it is on the overview too", PATIENCE, || {
        (browser.script(picture) == true).then_some(())
    });
    browser.picture("9-overview");
    browser.click("[data-tab='#/incidents']");
    browser.wait_for(".incidents h2", "");
    moshao_tests::wait::eventually("the incident has a still", PATIENCE, || {
        (browser.script("return document.querySelector('.pieces img')?.naturalWidth > 0") == true)
            .then_some(())
    });
    browser.picture("10-incidents");
}

fn near(drawn: &[(f32, f32)], wanted: &[(f32, f32)]) -> bool {
    // Pointers move in whole pixels.
    let close = |a: f32, b: f32| (a - b).abs() < 0.01;
    drawn.len() == wanted.len()
        && drawn
            .iter()
            .zip(wanted)
            .all(|(drawn, wanted)| close(drawn.0, wanted.0) && close(drawn.1, wanted.1))
}

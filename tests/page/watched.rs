//! Clips as people watch them: a real camera's clip in a real Chromium, on a phone.

use std::fs;
use std::time::Duration;

use moshao_tests::browser::Browser;
use moshao_tests::camera_server::{CameraOptions, CameraServer};
use moshao_tests::footage::{PERSON_360P_H264, data_dir};
use moshao_tests::gateway::Gateway;
use moshao_tests::skip;
use moshao_tests::wait::eventually;

use crate::seen::{NO_BROWSER, PHONE, gateway, move_in};

const PATIENCE: Duration = Duration::from_secs(120);
/// Width of the picture that is played, and whether time passes in it.
const PLAYED: &str = "const film = document.querySelector('dialog video'); \
                      return film && !film.hidden && film.currentTime > 0.2 ? film.videoWidth : null";

/// Asks for the newest clip with this reason.
fn ask(browser: &Browser, reason: &str) {
    browser.click(".clips button");
    browser.wait_for("dialog .hint", "调阅台账");
    give(browser, reason);
}

fn give(browser: &Browser, reason: &str) {
    browser.type_into("dialog input", reason);
    browser.click("dialog button[type=submit]");
}

fn close(browser: &Browser) {
    browser.click("dialog > button");
    eventually("it is closed", PATIENCE, || browser.texts("dialog").is_empty().then_some(()));
}

fn ledger(gateway: &Gateway) -> String {
    fs::read_to_string(gateway.data_dir().join("ledger.jsonl")).expect("there is a ledger")
}

/// The clip's file.
fn file(gateway: &Gateway) -> std::path::PathBuf {
    let incidents = fs::read_dir(gateway.data_dir().join("evidence")).expect("there is evidence").flatten();
    let files = incidents.flat_map(|incident| fs::read_dir(incident.path()).into_iter().flatten().flatten());
    let mut clips =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "mp4"));
    clips.next().expect("there is a clip")
}

#[test]
fn a_clip_plays_on_a_phone_once_the_reason_is_in_the_ledger() {
    let (Some(data), Some(footage)) = (data_dir(), PERSON_360P_H264.file()) else {
        return skip("needs footage and models (MOSHAO_TEST_DATA)");
    };
    let Some(browser) = Browser::start(PHONE) else { return skip(NO_BROWSER) };
    let server = CameraServer::start(CameraOptions::playing(footage));
    // One incident that stays open, so that there is one clip.
    let sections = format!(
        "[evidence]\nclip_levels = [3]\npre_roll = \"2s\"\npost_roll = \"3s\"\n\
         [detector.yolox-nano]\nfile = \"{}\"\n[camera.gate]\nname = \"村口\"\nurl = \"{}\"\ndetector = \"yolox-nano\"\nwatches = [\"person\"]\n\
         [rule.person]\nobject = {{ labels = [\"person\"], at_least = 2, within = \"2s\" }}\nlevel = 3\ncategory = \"security\"\nkind = \"person\"\n\
         clear_after = \"10m\"\n",
        data.join("models/yolox_nano.onnx").display(),
        server.url()
    );
    let (gateway, url) = gateway(&sections);
    move_in(&browser, &gateway, &url);
    browser.wait_for(".headline", "");
    eventually("a clip is kept", PATIENCE, || {
        (gateway.metric("moshao_evidence_clips_total", &[]) >= 1.0).then_some(())
    });
    browser.open(&format!("{url}#/incidents"));
    browser.wait_for(".clips button", "查看录像");
    browser.picture("11-incident-with-clip");

    ask(&browser, "  ");
    browser.wait_for("dialog .trouble", "理由有 0 个字符");
    assert_eq!(ledger(&gateway), "", "nothing is handed out without a reason");
    browser.picture("12-clip-needs-a-reason");
    give(&browser, "案件 4711");
    let width = eventually("the clip plays", PATIENCE, || browser.script(PLAYED).as_u64());
    assert_eq!(width, 640);
    let length = browser.script("return document.querySelector('dialog video').duration");
    let length = length.as_f64().expect("its length is known");
    assert!((2.0..12.0).contains(&length), "{length} s");
    let until =
        browser.script("const film = document.querySelector('dialog video'); return film.seekable.end(0)");
    assert!(
        until.as_f64().is_some_and(|until| until > length - 0.5),
        "all of it can be found: {until} of {length} s"
    );
    browser.picture("13-clip");
    let written = ledger(&gateway);
    assert!(written.contains("\"who\":\"page 127.0.0.1\"") && written.contains("案件 4711"), "{written}");
    let sideways = browser.script("return document.documentElement.scrollWidth > innerWidth");
    assert_eq!(sideways, false, "nothing sticks out on a phone");
    close(&browser);

    // What no browser plays can be saved; what has gone is said to have gone.
    fs::write(file(&gateway), "no film").expect("it can be spoilt");
    ask(&browser, "案件 4711");
    browser.wait_for("dialog .trouble", "H.265");
    browser.wait_for("dialog a.button", "保存录像");
    browser.picture("14-clip-that-does-not-play");
    close(&browser);
    fs::remove_file(file(&gateway)).expect("it goes");
    ask(&browser, "案件 4711");
    browser.wait_for("dialog .trouble", "录像已不在盒子里");
    browser.picture("15-clip-that-has-gone");
    assert_eq!(ledger(&gateway).lines().count(), 2);
}

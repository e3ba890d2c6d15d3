//! Putting up a box: `moshao discover` and `moshao init` before a camera that speaks ONVIF.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use moshao_tests::gateway::binary;

const PASSWORD: &str = "open sesame";

/// A camera's ONVIF side at an address of the loopback network; see `fixtures/onvif_camera.py`. Ends when dropped.
struct OnvifCamera(Child);

impl OnvifCamera {
    fn start(address: &str) -> Self {
        let mut child = Command::new("/usr/bin/python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/onvif_camera.py"))
            .args(["--address", address, "--user", "viewer", "--password", PASSWORD])
            .args(["--rtsp", "rtsp://127.0.0.1:8554/stream"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("/usr/bin/python3 runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the camera speaks UTF-8");
        assert!(line.starts_with("listening "), "the camera did not start (its errors are above): {line:?}");
        Self(child)
    }
}

impl Drop for OnvifCamera {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        drop(self.0.kill());
        self.0.wait().expect("a child can be waited for");
    }
}

fn discover(address: &str, arguments: &[&str], password: &str) -> Output {
    Command::new(binary())
        .args(["discover", "--seconds", "2", "--address", address])
        .args(arguments)
        .env("MOSHAO_CAMERA_PASSWORD", password)
        .output()
        .expect("the binary runs")
}

#[test]
fn a_camera_tells_its_streams_to_whoever_may_log_in() {
    let _camera = OnvifCamera::start("127.0.0.41");
    let output = discover("127.0.0.41", &["--user", "viewer", "--json"], PASSWORD);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((said["maker"].as_str(), said["model"].as_str()), (Some("HIKVISION"), Some("DS-2CD2085")));
    assert_eq!((said["name"].as_str(), &said["problem"]), (Some("East Gate"), &serde_json::Value::Null));
    let streams: Vec<_> = said["streams"].as_array().expect("streams").iter().collect();
    let told: Vec<_> = streams
        .iter()
        .map(|stream| {
            let text = |key: &str| stream[key].as_str().unwrap_or_default().to_owned();
            (text("role"), text("codec"), stream["width"].as_u64().unwrap_or(0), text("url"))
        })
        .collect();
    let expect = |role: &str, codec: &str, width: u64, path: &str| {
        (role.to_owned(), codec.to_owned(), width, format!("rtsp://127.0.0.41:8554{path}"))
    };
    assert_eq!(
        told,
        [
            expect("main", "h265", 3840, "/stream-p1"),
            expect("other", "jpeg", 1280, "/stream-p3"),
            expect("sub", "h264", 640, "/stream"),
        ]
    );
}

#[test]
fn a_camera_that_refuses_the_login_is_shown_with_its_makers_usual_streams_and_what_to_do() {
    let _camera = OnvifCamera::start("127.0.0.42");
    for (arguments, password, advice) in
        [(vec![], "", "give --user"), (vec!["--user", "viewer"], "wrong-password", "refuses this user")]
    {
        let output = discover("127.0.0.42", &arguments, password);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.contains(advice), "{said}");
        assert!(said.contains("not asked of the camera, but usual for its maker"), "{said}");
        assert!(said.contains("rtsp://127.0.0.42:554/Streaming/Channels/102"), "{said}");
        assert!(!said.contains("wrong-password"), "{said}");
    }
}

#[test]
fn nobody_there_is_said_with_what_to_look_at() {
    let output = discover("127.0.0.43", &[], "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("UDP port 3702"), "{said}");
}

#[test]
fn a_few_answers_make_a_configuration_that_passes_the_check_and_keeps_passwords_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("moshao.toml");
    let init = || {
        let mut child = Command::new(binary())
            .args(["init", "--language", "en", "--config"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        // The broken second answer is asked again. Passwords come through the pipe: there is no terminal.
        let answers = "village-7\n5101\n510104001002\n\nmqtts://centre.example:8883\nbox7\nuplink secret\nn\nviewer\n\
                       camera secret\nn\nrtsp://10.0.0.12/Streaming/Channels/102\nEast gate\n\n";
        // A command that ends before the last answer has closed the pipe.
        drop(child.stdin.take().expect("stdin is piped").write_all(answers.as_bytes()));
        child.wait_with_output().expect("the command ends")
    };
    let output = init();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let check =
        Command::new(binary()).arg("check").arg("--config").arg(&file).output().expect("the binary runs");
    let checked = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && checked.contains("1 camera"), "{checked}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("secret\"") && text.contains("${file:secrets/cameras.password}"), "{text}");
    let kept = directory.path().join("secrets/cameras.password");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "camera secret");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

    let again = init();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

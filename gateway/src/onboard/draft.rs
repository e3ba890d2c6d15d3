//! A configuration as an installer would write it: from a few answers to a commented TOML file.
//!
//! Pure: answers in, text out. Secrets are not part of the text, only where they are kept.

use std::fmt::Write;

use crate::language::Language;

/// What the installer has said so far. [`Answers::default`] is a whole, valid configuration without cameras.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Name of the box, unique in its division.
    pub gateway: String,
    /// 12-digit administrative code.
    pub division: String,
    /// Grid cell: the division and three digits.
    pub grid: String,
    /// The command centre's broker.
    pub uplink: Broker,
    /// The broker that the sensors publish to, where there are sensors.
    pub sensors: Option<Broker>,
    /// Cameras.
    pub cameras: Vec<Camera>,
}

/// An MQTT broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// `mqtt://` or `mqtts://`.
    pub url: String,
    /// User and where the password is kept (`${file:…}`, `${env:…}`).
    pub login: Option<(String, String)>,
}

/// A camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Id in the configuration, topics and metrics.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// RTSP URL without login.
    pub url: String,
    /// User, where it wants one.
    pub user: Option<String>,
    /// Where its password is kept (`${file:…}`, `${env:…}`).
    pub password: String,
}

impl Default for Answers {
    fn default() -> Self {
        Answers {
            gateway: "gw-0001".to_owned(),
            division: "510104001001".to_owned(),
            grid: "510104001001001".to_owned(),
            uplink: Broker { url: "mqtt://127.0.0.1:1883".to_owned(), login: None },
            sensors: None,
            cameras: Vec::new(),
        }
    }
}

/// The whole file, with comments in `language`.
pub fn configuration(answers: &Answers, language: Language) -> String {
    let Answers { gateway, division, grid, uplink, sensors, cameras } = answers;
    let say = |english, chinese| language.pick(chinese, english);
    let mut text = format!(
        "# {}\n\n[gateway]\nid = {}\ndivision = {}    # {}\n\n[grid]\ncode = {}    # {}\n",
        say(
            "Configuration of a Moshao gateway. Check it with: moshao check --config FILE",
            "末梢网关的配置。改完后检查:moshao check --config 文件"
        ),
        quoted(gateway),
        quoted(division),
        say("12-digit administrative code", "12 位行政区划代码"),
        quoted(grid),
        say("the grid cell that the events belong to", "事件所属的网格"),
    );
    text += &format!("\n# {}\n[uplink]\n", say("The command centre's broker.", "指挥中心的 MQTT 服务器。"));
    text += &broker(uplink);
    if let Some(sensors) = sensors {
        text += &format!(
            "\n# {}\n[sensors]\n",
            say("The broker that the sensors publish to.", "传感器发布消息的 MQTT 服务器。")
        );
        text += &broker(sensors);
    }
    if cameras.is_empty() {
        text += &format!(
            "\n# {}\n",
            say(
                "No camera yet: `moshao discover` finds those on the network and prints such a section for each.",
                "还没有摄像机:moshao discover 会找出网络里的摄像机,并给出每台的配置段。"
            )
        );
    }
    for camera in cameras {
        text += &format!("\n{}watches = [\"fire-video\"]\n", camera_section(camera));
    }
    if !cameras.is_empty() {
        let why = say(
            "Fire or smoke in three pictures within two seconds. 1 is the most severe level, 4 the least.",
            "两秒内有三张画面看到火或烟即报警。1 级最严重,4 级最轻。",
        );
        text += &format!(
            "\n# {why}\n[rule.fire-video]\nobject = {{ labels = [\"fire\", \"smoke\"], at_least = 3, within = \"2s\" }}\nlevel = 1\n"
        );
    }
    text
}

/// `[camera.ID]` without what it watches.
pub fn camera_section(camera: &Camera) -> String {
    let Camera { id, name, url, user, password } = camera;
    let mut text = format!("[camera.{id}]\n");
    if let Some(name) = name {
        push(&mut text, "name", name);
    }
    push(&mut text, "url", &with_login(url, user.as_deref(), password));
    text
}

/// An id out of an address: `camera-10-0-0-12`.
pub fn camera_id(address: &str) -> String {
    let letters =
        address.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    format!("camera-{}", letters.collect::<String>().trim_matches('-'))
}

fn broker(Broker { url, login }: &Broker) -> String {
    let mut text = String::new();
    push(&mut text, "url", url);
    if let Some((user, password)) = login {
        push(&mut text, "username", user);
        push(&mut text, "password", password);
    }
    text
}

/// Puts `user:password@` into a URL. The password is a reference, which the configuration encodes itself.
fn with_login(url: &str, user: Option<&str>, password: &str) -> String {
    match (user, url.split_once("://")) {
        (Some(user), Some((scheme, rest))) => {
            let user = percent_encoding::utf8_percent_encode(user, percent_encoding::NON_ALPHANUMERIC);
            format!("{scheme}://{user}:{password}@{rest}")
        }
        _ => url.to_owned(),
    }
}

fn push(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {}", quoted(value)).expect("a String takes all");
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use moshao_config::Environment;

    use super::*;

    fn problems(answers: &Answers, language: Language) -> String {
        let environment = Environment::fixed(".", [("CAM_PASSWORD", "p@ss")], 2);
        let text = configuration(answers, language);
        let examined = moshao_config::examine_text(&text, "moshao.toml", &environment);
        examined.report.to_string()
    }

    fn camera() -> Camera {
        Camera {
            id: camera_id("10.0.0.12:8000"),
            name: Some("东门 \"A\"".to_owned()),
            url: "rtsp://10.0.0.12:554/cam/realmonitor?channel=1&subtype=1".to_owned(),
            user: Some("view er".to_owned()),
            password: "${env:CAM_PASSWORD}".to_owned(),
        }
    }

    #[test]
    fn every_draft_passes_the_check_without_a_word() {
        let with_all = Answers {
            sensors: Some(Broker { url: "mqtt://127.0.0.1:1884".to_owned(), login: None }),
            uplink: Broker {
                url: "mqtts://centre.example:8883".to_owned(),
                login: Some(("gw".to_owned(), "${env:CAM_PASSWORD}".to_owned())),
            },
            cameras: vec![camera()],
            ..Answers::default()
        };
        for language in [Language::English, Language::Chinese] {
            assert_eq!(problems(&with_all, language), "");
        }
    }

    #[test]
    fn a_camera_has_its_login_in_the_url_and_its_name_in_quotes() {
        let section = camera_section(&camera());
        assert_eq!(
            section,
            "[camera.camera-10-0-0-12-8000]\nname = '东门 \"A\"'\n\
             url = \"rtsp://view%20er:${env:CAM_PASSWORD}@10.0.0.12:554/cam/realmonitor?channel=1&subtype=1\"\n"
        );
    }
}

//! The questions of `moshao init`, one after another, and what the answers come to.
//!
//! Every answer is tried in a draft at once: what `moshao check` would refuse is asked again, with its reason. Reads lines
//! and writes text; the terminal, the network and the disk belong to the caller.

use std::io::{self, BufRead, Write};

use moshao_config::{Environment, Severity};

use super::draft::{self, Answers, Broker, Camera};
use super::onvif;
use crate::language::Language;

/// Where the passwords go, relative to the configuration.
pub const UPLINK_PASSWORD: &str = "secrets/uplink.password";
/// The same, of the cameras.
pub const CAMERAS_PASSWORD: &str = "secrets/cameras.password";

/// What the installer said: the configuration, and the secrets that it refers to.
#[derive(Debug, Default, PartialEq)]
pub struct Said {
    /// For the configuration.
    pub answers: Answers,
    /// Path relative to the configuration, and what goes into it.
    pub secrets: Vec<(&'static str, String)>,
}

/// What the interview needs from outside.
pub trait Surroundings {
    /// A line that is not shown while it is typed; none where there is no terminal that could show it.
    fn password(&mut self, question: &str) -> Option<String>;
    /// The cameras on the network, asked with this login.
    ///
    /// # Errors
    /// The network cannot be asked.
    fn discover(&mut self, login: Option<onvif::Login>) -> io::Result<Vec<onvif::Camera>>;
}

/// Asks on `output`, reads answers from `input`.
pub struct Interview<I, O, S> {
    /// Where answers come from.
    pub input: I,
    /// Where questions go.
    pub output: O,
    /// Passwords and the network.
    pub surroundings: S,
    /// Of the questions.
    pub language: Language,
}

// === impl Interview ===

impl<I: BufRead, O: Write, S: Surroundings> Interview<I, O, S> {
    /// From the first question to the last.
    ///
    /// # Errors
    /// The input ended before the last question, or terminal or network failed.
    pub fn hold(&mut self) -> io::Result<Said> {
        let mut said = Said::default();
        self.box_itself(&mut said)?;
        self.centre(&mut said)?;
        self.sensors(&mut said)?;
        self.cameras(&mut said)?;
        Ok(said)
    }

    fn box_itself(&mut self, said: &mut Said) -> io::Result<()> {
        let gateway = said.answers.gateway.clone();
        let question =
            self.pick("Name of this box (letters, digits, dashes)", "本机编号(字母、数字、连字符)");
        self.ask_until_right(question, &gateway, said, |answers, text| answers.gateway = text)?;
        let question = self.pick("12-digit administrative code of the place", "所在地 12 位行政区划代码");
        let division = said.answers.division.clone();
        self.ask_until_right(question, &division, said, |answers, text| {
            answers.grid = format!("{text}001");
            answers.division = text;
        })?;
        let question = self.pick("Grid cell: the code and three digits", "网格编号:区划代码加三位数字");
        let grid = said.answers.grid.clone();
        self.ask_until_right(question, &grid, said, |answers, text| answers.grid = text)
    }

    fn centre(&mut self, said: &mut Said) -> io::Result<()> {
        let question = self.pick("The command centre's broker", "指挥中心 MQTT 地址");
        let url = said.answers.uplink.url.clone();
        self.ask_until_right(question, &url, said, |answers, text| answers.uplink.url = text)?;
        let question = self.pick("User there (empty: none)", "用户名(没有就直接回车)");
        let user = self.ask(question, "")?;
        if !user.is_empty() {
            let password = self.ask_password()?;
            said.secrets.push((UPLINK_PASSWORD, password));
            said.answers.uplink.login = Some((user, format!("${{file:{UPLINK_PASSWORD}}}")));
        }
        Ok(())
    }

    fn sensors(&mut self, said: &mut Said) -> io::Result<()> {
        let question = self.pick("Are there sensors that publish over MQTT?", "有通过 MQTT 上报的传感器吗?");
        if !self.yes(question, false)? {
            return Ok(());
        }
        let question = self.pick("Their broker", "传感器 MQTT 地址");
        self.ask_until_right(question, "mqtt://127.0.0.1:1883", said, |answers, url| {
            answers.sensors = Some(Broker { url, login: None });
        })
    }

    fn cameras(&mut self, said: &mut Said) -> io::Result<()> {
        let question = self.pick("User of the cameras (empty: none)", "摄像机用户名(没有就直接回车)");
        let user = Some(self.ask(question, "")?).filter(|user| !user.is_empty());
        let mut login = None;
        if let Some(user) = &user {
            let password = self.ask_password()?;
            said.secrets.push((CAMERAS_PASSWORD, password.clone()));
            login = Some(onvif::Login { user: user.clone(), password: moshao_config::Secret::new(password) });
        }
        let question = self.pick("Look for cameras on the network now?", "现在搜索网络里的摄像机吗?");
        if self.yes(question, true)? {
            let searching = self.pick("Looking, some seconds …", "正在搜索,需要几秒……");
            writeln!(self.output, "{searching}")?;
            for camera in self.surroundings.discover(login)? {
                self.found(&camera, user.as_deref(), said)?;
            }
        }
        loop {
            let question =
                self.pick("RTSP URL of a further camera (empty: done)", "再加一台,RTSP 地址(回车结束)");
            let url = self.ask(question, "")?;
            if url.is_empty() {
                return Ok(());
            }
            let id = format!("camera-{}", said.answers.cameras.len() + 1);
            self.add(id, None, url, user.as_deref(), said)?;
        }
    }

    fn found(&mut self, camera: &onvif::Camera, user: Option<&str>, said: &mut Said) -> io::Result<()> {
        let who = [camera.maker.as_deref(), camera.model.as_deref(), camera.name.as_deref()];
        let who = who.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let address = &camera.address;
        writeln!(self.output, "\n{address}  {who}")?;
        let Some(stream) = camera.to_analyse() else {
            let unknown = self.pick(
                "  It does not tell its streams. Look up its RTSP path, and add it at the end.",
                "  没有给出码流地址。请查它的 RTSP 路径,最后手动添加。",
            );
            return writeln!(self.output, "{unknown}");
        };
        writeln!(self.output, "  {}", stream.url)?;
        let question = self.pick("Add it?", "加入吗?");
        if self.yes(question, true)? {
            self.add(draft::camera_id(address), camera.name.clone(), stream.url.clone(), user, said)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        id: String,
        name: Option<String>,
        url: String,
        user: Option<&str>,
        said: &mut Said,
    ) -> io::Result<()> {
        let question = self.pick("Its name for people", "它的名称");
        let name = self.ask(question, name.as_deref().unwrap_or(&id))?;
        let camera = Camera {
            id,
            name: Some(name),
            url,
            user: user.map(str::to_owned),
            password: format!("${{file:{CAMERAS_PASSWORD}}}"),
        };
        let mut tried = said.answers.clone();
        tried.cameras.push(camera);
        match refusal(&tried) {
            None => said.answers = tried,
            Some(why) => writeln!(self.output, "  ! {why}")?,
        }
        Ok(())
    }

    /// Asks until the draft with the answer in it passes the check.
    fn ask_until_right(
        &mut self,
        question: &str,
        usual: &str,
        said: &mut Said,
        take: impl Fn(&mut Answers, String),
    ) -> io::Result<()> {
        loop {
            let text = self.ask(question, usual)?;
            let mut tried = said.answers.clone();
            take(&mut tried, text);
            match refusal(&tried) {
                None => {
                    said.answers = tried;
                    return Ok(());
                }
                Some(why) => writeln!(self.output, "  ! {why}")?,
            }
        }
    }

    /// One line; `usual` where it is empty.
    fn ask(&mut self, question: &str, usual: &str) -> io::Result<String> {
        match usual {
            "" => write!(self.output, "{question}: ")?,
            usual => write!(self.output, "{question} [{usual}]: ")?,
        }
        self.output.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the answers ended before the last question",
            ));
        }
        let answer = line.trim();
        Ok(if answer.is_empty() { usual } else { answer }.to_owned())
    }

    fn yes(&mut self, question: &str, usual: bool) -> io::Result<bool> {
        let usual_word = if usual { "Y/n" } else { "y/N" };
        let answer = self.ask(&format!("{question} ({usual_word})"), "")?.to_lowercase();
        Ok(match answer.as_str() {
            "" => usual,
            other => other.starts_with('y') || other.starts_with('是'),
        })
    }

    fn ask_password(&mut self) -> io::Result<String> {
        let question = self.pick("Password", "密码");
        match self.surroundings.password(&format!("{question}: ")) {
            Some(password) => Ok(password),
            None => self.ask(question, ""),
        }
    }

    fn pick(&self, english: &'static str, chinese: &'static str) -> &'static str {
        self.language.pick(chinese, english)
    }
}

/// The first reason for which the draft would be refused. Secrets are not written yet, so it is tried without logins.
fn refusal(answers: &Answers) -> Option<String> {
    let mut tried = answers.clone();
    tried.uplink.login = None;
    for camera in &mut tried.cameras {
        camera.user = None;
    }
    let text = draft::configuration(&tried, Language::English);
    let examined = moshao_config::examine_text(&text, "moshao.toml", &Environment::fixed(".", [], 1));
    let problems = examined.report.problems();
    problems.iter().find(|problem| problem.severity == Severity::Error).map(|problem| problem.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted {
        password: &'static str,
        cameras: Vec<onvif::Camera>,
    }

    impl Surroundings for Scripted {
        fn password(&mut self, _question: &str) -> Option<String> {
            Some(self.password.to_owned())
        }

        fn discover(&mut self, _login: Option<onvif::Login>) -> io::Result<Vec<onvif::Camera>> {
            Ok(self.cameras.clone())
        }
    }

    fn hold(answers: &str, cameras: Vec<onvif::Camera>) -> (io::Result<Said>, String) {
        let mut output = Vec::new();
        let said = Interview {
            input: answers.as_bytes(),
            output: &mut output,
            surroundings: Scripted { password: "p@ss word", cameras },
            language: Language::English,
        }
        .hold();
        (said, String::from_utf8(output).unwrap())
    }

    fn gate() -> onvif::Camera {
        onvif::Camera {
            address: "10.0.0.12".to_owned(),
            name: Some("gate".to_owned()),
            maker: None,
            model: None,
            onvif: "http://10.0.0.12/onvif/device_service".to_owned(),
            streams: vec![onvif::Stream {
                url: "rtsp://10.0.0.12/102".to_owned(),
                role: onvif::Role::Sub,
                from: onvif::From::Camera,
                codec: Some("h264".to_owned()),
                width: Some(640),
                height: Some(360),
                fps: Some(25.0),
            }],
            problem: None,
        }
    }

    #[test]
    fn returns_alone_make_the_usual_box() {
        let (said, _) = hold(&"\n".repeat(9), Vec::new());
        assert_eq!(said.unwrap(), Said::default());
    }

    #[test]
    fn a_found_camera_is_added_with_its_login_kept_apart() {
        let answers =
            "village-7\n510104001002\n\nmqtts://centre.example:8883\nbox7\nn\nviewer\ny\ny\n东门\n\n";
        let (said, asked) = hold(answers, vec![gate()]);
        let said = said.unwrap();
        assert_eq!(said.answers.grid, "510104001002001", "{asked}");
        let camera = &said.answers.cameras[0];
        assert_eq!((camera.id.as_str(), camera.name.as_deref()), ("camera-10-0-0-12", Some("东门")));
        let secret = "p@ss word".to_owned();
        assert_eq!(said.secrets, [(UPLINK_PASSWORD, secret.clone()), (CAMERAS_PASSWORD, secret.clone())]);
        let text = draft::configuration(&said.answers, Language::English);
        assert!(text.contains("viewer:${file:secrets/cameras.password}@10.0.0.12/102"), "{text}");
        assert!(!text.contains(&secret) && !asked.contains(&secret));
    }

    #[test]
    fn what_the_check_refuses_is_asked_again_with_its_reason() {
        let answers = format!("{}\nnot-a-code\n510104001002\n{}", "box-1", "\n".repeat(7));
        let (said, asked) = hold(&answers, Vec::new());
        assert_eq!(said.unwrap().answers.division, "510104001002");
        assert!(asked.contains("  ! ") && asked.contains("12"), "{asked}");
    }

    #[test]
    fn a_camera_that_cannot_be_is_refused_and_the_next_one_taken() {
        let answers = format!("{}n\nhttp://10.0.0.9/\nyard\nrtsp://10.0.0.9/1\nyard\n\n", "\n".repeat(7));
        let (said, asked) = hold(&answers, Vec::new());
        let cameras = said.unwrap().answers.cameras;
        assert_eq!(cameras.len(), 1, "{asked}");
        assert_eq!(cameras[0].url, "rtsp://10.0.0.9/1");
    }

    #[test]
    fn an_end_before_the_last_question_is_an_error() {
        let (said, _) = hold("box\n", Vec::new());
        assert_eq!(said.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

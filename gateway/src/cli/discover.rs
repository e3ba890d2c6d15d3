//! `moshao discover`: the cameras on the network and the URLs of their streams.

use std::net::IpAddr;
use std::time::Duration;

use moshao_config::Secret;

use super::{Failure, Outcome, print};
use crate::logging;
use crate::onboard::draft;
use crate::onboard::onvif::{self, Camera, From, Login, Role, Stream};

/// Where the password comes from.
const PASSWORD_VARIABLE: &str = "MOSHAO_CAMERA_PASSWORD";

/// Find cameras on the network, and the URLs of their streams
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao discover
  MOSHAO_CAMERA_PASSWORD=secret moshao discover --user viewer
  moshao discover --address 10.0.1.12 --address 10.0.1.13 --json

Cameras answer where ONVIF is switched on and the box is in the same network; --address asks others. The password is sent
as a digest only, and is never printed. What a camera does not tell is filled in with the usual paths of its maker.")]
pub(super) struct Arguments {
    /// User of the cameras' ONVIF service; the password is taken from MOSHAO_CAMERA_PASSWORD
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Ask these addresses alone, of other networks too
    #[arg(long, value_name = "IP")]
    address: Vec<IpAddr>,
    /// How long to wait for answers, seconds
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=60))]
    seconds: u16,
    /// One JSON object a camera
    #[arg(long)]
    json: bool,
}

/// Asks the network, then each camera, and prints what they say.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let login = login(arguments.user.as_deref(), std::env::var(PASSWORD_VARIABLE).ok())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let length = Duration::from_secs(arguments.seconds.into());
    let cameras = runtime.block_on(async {
        let found = onvif::find(&arguments.address, length).await?;
        Ok::<_, std::io::Error>(onvif::ask_all(found, login.as_ref()).await)
    });
    let cameras = cameras.map_err(|error| Failure::failed(format!("cannot look for cameras: {error}")))?;
    if arguments.json {
        for camera in &cameras {
            print(&serde_json::to_string(camera).map_err(Failure::failed)?)?;
        }
        return Ok(());
    }
    if cameras.is_empty() {
        return print(nobody(&arguments.address));
    }
    for camera in &cameras {
        print(&in_words(camera, arguments.user.as_deref()))?;
    }
    print(&format!("{} found. Look at a stream with: moshao probe URL", count(cameras.len())))
}

fn login(user: Option<&str>, password: Option<String>) -> Result<Option<Login>, Failure> {
    match (user, password) {
        (None, _) => Ok(None),
        (Some(user), Some(password)) => {
            Ok(Some(Login { user: user.to_owned(), password: Secret::new(password) }))
        }
        (Some(user), None) => Err(Failure::usage(format!(
            "there is no password for {user}: put it into the environment variable {PASSWORD_VARIABLE}"
        ))),
    }
}

fn nobody(asked: &[IpAddr]) -> &'static str {
    if asked.is_empty() {
        "No camera answered. Are the cameras in the same network, and is ONVIF switched on in their settings? Those of \
         another network are asked with --address."
    } else {
        "None of these addresses answered. Is ONVIF switched on in the cameras' settings, and does UDP port 3702 get through?"
    }
}

fn count(cameras: usize) -> String {
    format!("{cameras} camera{}", if cameras == 1 { "" } else { "s" })
}

/// One camera for people: who it is, its streams, and the section of the configuration for it.
fn in_words(camera: &Camera, user: Option<&str>) -> String {
    let who = [&camera.maker, &camera.model, &camera.name];
    let who: Vec<&str> = who.into_iter().flatten().map(String::as_str).collect();
    let mut text = format!("{}  {}\n", camera.address, who.join(", "));
    if let Some(problem) = &camera.problem {
        text += &format!("  ! {problem}\n");
    }
    if camera.streams.iter().any(|stream| stream.from == From::Maker) {
        text += "  ? not asked of the camera, but usual for its maker:\n";
    }
    for stream in &camera.streams {
        text += &format!("  {}\n", stream_in_words(stream));
    }
    match camera.to_analyse() {
        Some(stream) => {
            let section = draft::camera_section(&draft::Camera {
                id: draft::camera_id(&camera.address),
                name: camera.name.clone(),
                url: stream.url.clone(),
                user: Some(user.unwrap_or("USER").to_owned()),
                password: "${env:CAM_PASSWORD}".to_owned(),
            });
            for line in section.lines() {
                text += &format!("    {line}\n");
            }
        }
        None => {
            text += "  Its RTSP path stands in its manual, or in its settings under network or integration.\n"
        }
    }
    text
}

fn stream_in_words(stream: &Stream) -> String {
    let role = match stream.role {
        Role::Main => "main ",
        Role::Sub => "sub  ",
        Role::Other => "other",
    };
    let mut words = vec![role.to_owned(), stream.url.clone()];
    words.extend(stream.codec.as_ref().map(|codec| codec.to_uppercase()));
    if let (Some(width), Some(height)) = (stream.width, stream.height) {
        words.push(format!("{width}x{height}"));
    }
    words.extend(stream.fps.map(|fps| format!("{fps} pictures a second")));
    words.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_password_is_told_where_to_put_it() {
        let failure = login(Some("viewer"), None).unwrap_err();
        assert!(failure.message.contains(PASSWORD_VARIABLE), "{}", failure.message);
        assert!(login(None, Some("unused".to_owned())).unwrap().is_none());
    }
}

//! Cameras found by ONVIF: WS-Discovery tells who is there, the media services tell the URLs of their streams.
//!
//! A thin layer over the crate `oxvif`, which speaks the protocols (ONVIF Core §7.3; WS-Discovery over UDP 3702; HTTP
//! Digest and WS-UsernameToken). A password is never sent in the clear. Whatever a camera answers is bounded: in time by
//! [`ASK_LIMIT`], in number by [`CAMERAS_MAX`] and [`STREAMS_MAX`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt;
use moshao_config::Secret;
use oxvif::discovery::{self, DiscoveredDevice};
use oxvif::soap::SoapError;
use oxvif::transport::TransportError;
use oxvif::types::VideoEncoding;
use oxvif::{OnvifError, OnvifSession};
use serde::Serialize;
use tokio::time::timeout;
use url::Url;

use super::vendor::{self, Vendor};

/// All questions to one camera together may take so long.
pub const ASK_LIMIT: Duration = Duration::from_secs(15);
/// More cameras than this on one network are not listed.
pub const CAMERAS_MAX: usize = 512;
/// More streams than this of one camera are not listed.
const STREAMS_MAX: usize = 32;
/// Cameras that are asked at the same time.
const ASKED_AT_ONCE: usize = 8;
/// A picture narrower than this is too small to detect in, pixels.
const SUB_WIDTH_MIN_PX: u32 = 320;

/// How to log in to the cameras. Most have one user for all.
#[derive(Debug, Clone)]
pub struct Login {
    /// User.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// A camera that answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Camera {
    /// Host, and port where it is not 80, of its ONVIF service.
    pub address: String,
    /// The name that it gives itself.
    pub name: Option<String>,
    /// Maker.
    pub maker: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Address of its ONVIF device service.
    pub onvif: String,
    /// Largest picture first.
    pub streams: Vec<Stream>,
    /// Why it did not tell its streams.
    pub problem: Option<String>,
}

/// One stream of a camera. The URL holds no login.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stream {
    /// RTSP URL without login.
    pub url: String,
    /// What it is for.
    pub role: Role,
    /// Who says so.
    pub from: From,
    /// `h264`, `h265`, `jpeg` or what the camera calls it.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Pictures a second, as configured.
    pub fps: Option<f32>,
}

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The largest picture: for evidence.
    Main,
    /// The smallest that is large enough: the one to analyse.
    Sub,
    /// Another one.
    Other,
}

/// Who says that there is such a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The camera.
    Camera,
    /// Nobody: its maker's cameras usually have it.
    Maker,
}

// === impl Camera ===

impl Camera {
    /// The stream to analyse: the small one where there is one.
    pub fn to_analyse(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.role == Role::Sub).or(self.streams.first())
    }
}

/// Looks for cameras on every network of this machine for `length`; with `addresses`, asks only those. Sorted by address.
///
/// # Errors
/// The machine has no network to ask.
pub async fn find(addresses: &[IpAddr], length: Duration) -> std::io::Result<Vec<DiscoveredDevice>> {
    let mut found: Vec<DiscoveredDevice> = if addresses.is_empty() {
        if discovery::discovery_interfaces()?.is_empty() {
            return Err(std::io::Error::other("this machine has no network interface with an IPv4 address"));
        }
        // UDP gets lost: half of the time for a second question.
        discovery::probe_rounds(2, length / 2, Duration::ZERO).await
    } else {
        let asked = futures::stream::iter(addresses.iter().copied());
        let answers = asked.map(|address| discovery::probe_unicast(address, length)).buffer_unordered(64);
        answers.collect::<Vec<_>>().await.into_iter().flatten().collect()
    };
    let mut seen = BTreeSet::new();
    found.retain(|device| seen.insert(device.endpoint.clone()));
    found.sort_by(|a, b| a.xaddrs.cmp(&b.xaddrs));
    found.truncate(CAMERAS_MAX);
    Ok(found)
}

/// Asks each of them which streams it has; without a login, or where it does not tell, says what its maker's usually have.
pub async fn ask_all(found: Vec<DiscoveredDevice>, login: Option<&Login>) -> Vec<Camera> {
    let asked = futures::stream::iter(found).map(|device| ask(device, login)).buffered(ASKED_AT_ONCE);
    asked.collect().await
}

async fn ask(device: DiscoveredDevice, login: Option<&Login>) -> Camera {
    let onvif = service_address(&device.xaddrs);
    let scope = |kind: &str| scope(&device.scopes, kind);
    let mut camera = Camera {
        address: onvif.as_deref().map(address_of).unwrap_or_default(),
        name: scope("name"),
        maker: scope("manufacturer").or_else(|| scope("mfr")),
        model: scope("hardware"),
        onvif: onvif.clone().unwrap_or_default(),
        streams: Vec::new(),
        problem: None,
    };
    let Some(onvif) = onvif else {
        camera.problem = Some("it answered without an address".to_owned());
        return camera;
    };
    match timeout(ASK_LIMIT, streams_of(&onvif, login, &mut camera)).await {
        Ok(Ok(streams)) => camera.streams = streams,
        Ok(Err(error)) => camera.problem = Some(in_words(&error, login.is_some())),
        Err(_) => camera.problem = Some(format!("it did not answer within {} s", ASK_LIMIT.as_secs())),
    }
    if camera.streams.is_empty() {
        let says = [&camera.maker, &camera.model, &camera.name];
        if let Some(vendor) = vendor::recognise(says.into_iter().flatten().map(String::as_str)) {
            camera.streams = usual_streams(&camera.address, vendor);
        }
    }
    give_roles(&mut camera.streams);
    camera
}

async fn streams_of(
    onvif: &str,
    login: Option<&Login>,
    camera: &mut Camera,
) -> Result<Vec<Stream>, OnvifError> {
    let mut builder = OnvifSession::builder(onvif).with_clock_sync();
    if let Some(Login { user, password }) = login {
        builder = builder.with_credentials(user, password.reveal());
    }
    let session = builder.build().await?;
    if let Ok(info) = session.get_device_info().await {
        camera.maker = Some(info.manufacturer).filter(|maker| !maker.is_empty()).or(camera.maker.take());
        camera.model = Some(info.model).filter(|model| !model.is_empty()).or(camera.model.take());
    }
    // Media2 first: only there does a camera tell of H.265.
    let mut streams = Vec::new();
    if session.capabilities().media2.url.is_some()
        && let Ok(profiles) = session.get_profiles_media2().await
    {
        let encoders = session.get_video_encoder_configurations_media2().await.unwrap_or_default();
        for profile in profiles.iter().take(STREAMS_MAX) {
            let encoder =
                encoders.iter().find(|encoder| profile.video_encoder_token.as_ref() == Some(&encoder.token));
            let Some(encoder) = encoder else { continue };
            let url = session.get_stream_uri_media2(&profile.token).await?;
            let fps = encoder.rate_control.as_ref().map(|rate| rate.frame_rate_limit);
            let size = (encoder.resolution.width, encoder.resolution.height);
            streams.extend(stream(&url, onvif, &encoder.encoding, size, fps));
        }
    }
    if streams.is_empty() {
        let encoders = session.get_video_encoder_configurations().await.unwrap_or_default();
        for profile in session.get_profiles().await?.iter().take(STREAMS_MAX) {
            let encoder =
                encoders.iter().find(|encoder| profile.video_encoder_token.as_ref() == Some(&encoder.token));
            let Some(encoder) = encoder else { continue };
            let url = session.get_stream_uri(&profile.token).await?.uri;
            let fps = encoder.rate_control.as_ref().map(|rate| rate.frame_rate_limit as f32);
            let size = (encoder.resolution.width, encoder.resolution.height);
            streams.extend(stream(&url, onvif, &encoder.encoding, size, fps));
        }
    }
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.width.unwrap_or(0) * stream.height.unwrap_or(0)));
    streams.dedup_by(|a, b| a.url == b.url);
    Ok(streams)
}

// === what the answers mean ===

/// The first address of the device service that this machine is likely to reach: HTTP over IPv4 before all others.
fn service_address(xaddrs: &[String]) -> Option<String> {
    let parsed = xaddrs.iter().filter_map(|text| Url::parse(text).ok());
    let usable = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let rank = |url: &Url| match url.host() {
        Some(url::Host::Ipv4(address)) => u8::from(address.is_link_local()),
        Some(url::Host::Domain(_)) => 2,
        _ => 3,
    };
    usable.min_by_key(rank).map(String::from)
}

/// `host` or `host:port` of a URL, without what else stands in it.
fn address_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

/// The value of `onvif://www.onvif.org/<kind>/<value>`, percent-decoded.
fn scope(scopes: &[String], kind: &str) -> Option<String> {
    let value = scopes.iter().find_map(|scope| {
        let (found, value) = scope.strip_prefix("onvif://www.onvif.org/")?.split_once('/')?;
        found.eq_ignore_ascii_case(kind).then_some(value)
    })?;
    let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().trim().to_owned();
    (!value.is_empty()).then_some(value)
}

/// One stream that the camera told of; none where its URL is no RTSP URL. A camera behind a router tells the address
/// that it has on its own side: the host is the one at which it was asked.
fn stream(
    url: &str,
    onvif: &str,
    encoding: &VideoEncoding,
    (width, height): (u32, u32),
    fps: Option<f32>,
) -> Option<Stream> {
    let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "rtsp" && url.host().is_some())?;
    let asked = Url::parse(onvif).ok()?;
    url.set_host(asked.host_str()).ok()?;
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    let codec = match encoding {
        VideoEncoding::H264 => "h264".to_owned(),
        VideoEncoding::H265 => "h265".to_owned(),
        VideoEncoding::Jpeg => "jpeg".to_owned(),
        VideoEncoding::Other(name) => name.to_lowercase(),
    };
    Some(Stream {
        url: url.into(),
        role: Role::Other,
        from: From::Camera,
        codec: Some(codec),
        width: Some(width),
        height: Some(height),
        fps,
    })
}

fn usual_streams(address: &str, vendor: &Vendor) -> Vec<Stream> {
    let host = address.split(':').next().unwrap_or(address);
    [(Role::Main, vendor.main), (Role::Sub, vendor.sub)]
        .map(|(role, path)| Stream {
            url: format!("rtsp://{host}:554{path}"),
            role,
            from: From::Maker,
            codec: None,
            width: None,
            height: None,
            fps: None,
        })
        .into()
}

/// The largest picture is the main stream, the smallest that is not too small the sub-stream. Only what can be decoded
/// has a role.
fn give_roles(streams: &mut [Stream]) {
    if streams.iter().any(|stream| stream.from == From::Maker) {
        return;
    }
    let decodable = |stream: &Stream| matches!(stream.codec.as_deref(), Some("h264" | "h265"));
    if let Some(main) = streams.iter_mut().find(|stream| decodable(stream)) {
        main.role = Role::Main;
    }
    let small_enough = |stream: &&mut Stream| {
        stream.role == Role::Other && decodable(stream) && stream.width >= Some(SUB_WIDTH_MIN_PX)
    };
    if let Some(sub) = streams.iter_mut().rev().find(small_enough) {
        sub.role = Role::Sub;
    }
}

/// An error of a camera for people, with what to do.
fn in_words(error: &OnvifError, logged_in: bool) -> String {
    let refused = match error {
        OnvifError::Transport(TransportError::HttpStatus { status, .. }) => matches!(status, 401 | 403),
        OnvifError::Soap(SoapError::Fault { code, reason, subcode, .. }) => {
            let texts = [Some(code), Some(reason), subcode.as_ref()];
            let said = texts.into_iter().flatten().map(|text| text.to_lowercase().replace(' ', ""));
            said.into_iter().any(|text| text.contains("notauthorized") || text.contains("unauthorized"))
        }
        _ => false,
    };
    match (refused, logged_in) {
        (true, false) => {
            "it asks for a login: give --user, and the password in MOSHAO_CAMERA_PASSWORD".to_owned()
        }
        (true, true) => {
            "it refuses this user and password over ONVIF; many cameras have ONVIF users of their own, \
                         and some ONVIF switched off until it is allowed in their settings"
                .to_owned()
        }
        (false, _) => format!("it did not tell its streams: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str, codec: VideoEncoding, size: (u32, u32)) -> Stream {
        stream(url, "http://10.0.0.12/onvif/device_service", &codec, size, Some(25.0)).expect("an RTSP URL")
    }

    #[test]
    fn the_address_in_a_stream_is_the_one_at_which_the_camera_was_asked_and_holds_no_login() {
        let stream = told("rtsp://admin:pw@192.168.1.64:8554/a?b=c", VideoEncoding::H264, (640, 360));
        assert_eq!(stream.url, "rtsp://10.0.0.12:8554/a?b=c");
        let http =
            self::stream("http://10.0.0.12/mjpg", "http://10.0.0.12/", &VideoEncoding::Jpeg, (1, 1), None);
        assert_eq!(http, None);
    }

    #[test]
    fn the_smallest_useful_stream_is_the_one_to_analyse() {
        let mut streams = vec![
            told("rtsp://h/1", VideoEncoding::H265, (3840, 2160)),
            told("rtsp://h/2", VideoEncoding::H264, (1280, 720)),
            told("rtsp://h/3", VideoEncoding::H264, (640, 360)),
            told("rtsp://h/4", VideoEncoding::H264, (176, 144)),
            told("rtsp://h/5", VideoEncoding::Jpeg, (640, 360)),
        ];
        give_roles(&mut streams);
        let roles: Vec<Role> = streams.iter().map(|stream| stream.role).collect();
        assert_eq!(roles, [Role::Main, Role::Other, Role::Sub, Role::Other, Role::Other]);
    }

    #[test]
    fn one_stream_alone_is_the_main_stream() {
        let mut streams = vec![told("rtsp://h/1", VideoEncoding::H264, (1920, 1080))];
        give_roles(&mut streams);
        assert_eq!(streams[0].role, Role::Main);
    }

    #[test]
    fn names_are_read_out_of_scopes() {
        let scopes = ["onvif://www.onvif.org/name/Camera%2001", "onvif://www.onvif.org/Profile/Streaming"];
        let scopes = scopes.map(str::to_owned);
        assert_eq!(scope(&scopes, "name").as_deref(), Some("Camera 01"));
        assert_eq!(scope(&scopes, "hardware"), None);
    }

    #[test]
    fn the_reachable_address_is_taken() {
        let of = |xaddrs: &[&str]| {
            service_address(&xaddrs.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        let both = ["http://[fe80::1]/onvif", "http://169.254.1.2/onvif", "http://10.0.0.12/onvif"];
        assert_eq!(of(&both).as_deref(), Some("http://10.0.0.12/onvif"));
        assert_eq!(of(&["urn:nothing"]), None);
    }
}

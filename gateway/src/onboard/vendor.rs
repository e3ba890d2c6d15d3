//! The usual RTSP paths of cameras, by maker: what an installer would look up in the manual.
//!
//! Used where the camera itself has not been asked, because nobody has given a login yet. `moshao probe` shows whether
//! one of them is right.

/// A maker, how it names itself in ONVIF scopes, and its paths. First line with a matching word wins.
#[derive(Debug)]
pub struct Vendor {
    /// For people.
    pub name: &'static str,
    /// Lower-case words of which one stands in what the camera says of itself.
    words: &'static [&'static str],
    /// Path of the full picture, after `rtsp://HOST:554`.
    pub main: &'static str,
    /// Path of the small picture, which is the one to analyse.
    pub sub: &'static str,
}

/// Every maker that is known.
pub const VENDORS: [Vendor; 7] = [
    Vendor {
        name: "Hikvision",
        words: &["hikvision", "ds-2", "ezviz", "hiwatch", "海康"],
        main: "/Streaming/Channels/101",
        sub: "/Streaming/Channels/102",
    },
    Vendor {
        name: "Dahua",
        words: &["dahua", "dh-", "imou", "lechange", "大华"],
        main: "/cam/realmonitor?channel=1&subtype=0",
        sub: "/cam/realmonitor?channel=1&subtype=1",
    },
    Vendor {
        name: "Uniview",
        words: &["uniview", "unv", "宇视"],
        main: "/media/video1",
        sub: "/media/video2",
    },
    Vendor {
        name: "Huawei",
        words: &["huawei", "holowits", "华为"],
        main: "/LiveMedia/ch1/Media1",
        sub: "/LiveMedia/ch1/Media2",
    },
    Vendor {
        name: "TP-Link",
        words: &["tp-link", "tplink", "vigi", "tapo"],
        main: "/stream1",
        sub: "/stream2",
    },
    Vendor {
        name: "Xiongmai",
        words: &["xiongmai", "xmeye", "h264dvr", "nvt_xm"],
        main: "/user=USER&password=PASSWORD&channel=1&stream=0.sdp",
        sub: "/user=USER&password=PASSWORD&channel=1&stream=1.sdp",
    },
    Vendor {
        name: "Axis",
        words: &["axis"],
        main: "/axis-media/media.amp?videocodec=h264",
        sub: "/axis-media/media.amp?videocodec=h264&resolution=640x360",
    },
];

/// The maker of a camera that says these things of itself (name, hardware, manufacturer).
pub fn recognise<'a>(says: impl IntoIterator<Item = &'a str>) -> Option<&'static Vendor> {
    let says: Vec<String> = says.into_iter().map(str::to_lowercase).collect();
    VENDORS.iter().find(|vendor| vendor.words.iter().any(|word| says.iter().any(|text| text.contains(word))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_are_known_by_what_their_cameras_say_of_themselves() {
        let name = |says: &[&str]| recognise(says.iter().copied()).map(|vendor| vendor.name);
        assert_eq!(name(&["HIKVISION DS-2CD2085FWD-I"]), Some("Hikvision"));
        assert_eq!(name(&["IPC", "DS-2CD3T46WD"]), Some("Hikvision"));
        assert_eq!(name(&["Dahua"]), Some("Dahua"));
        assert_eq!(name(&["IPC-HFW", "DH-IPC-HFW1230S"]), Some("Dahua"));
        assert_eq!(name(&["VIGI C340"]), Some("TP-Link"));
        assert_eq!(name(&["Some camera", "X1"]), None);
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn every_path_makes_a_url() {
        for vendor in &VENDORS {
            for path in [vendor.main, vendor.sub] {
                let url = format!("rtsp://10.0.0.1:554{path}");
                assert!(
                    url::Url::parse(&url).is_ok_and(|url| url.path().len() > 1),
                    "{}: {url}",
                    vendor.name
                );
            }
        }
    }
}

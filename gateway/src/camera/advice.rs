//! What to change in a camera's settings, and whether it can sleep, in words for the people who put it up. Pure.

use super::measure::{
    CLOCK_OFFSET_MAX_S, FPS_MAX, Figures, GROUP_MAX_BYTES, KBIT_S_MAX, KEY_FRAME_INTERVAL_MAX_S,
    KEY_FRAME_INTERVAL_MIN_S, PICTURE_MAX_PX, Sleep,
};
use crate::language::Language;

// === impl Sleep ===

impl Sleep {
    /// For people.
    pub fn as_sentence(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Sleep::KeyFrames => {
                ("画面静止时休眠，只看关键帧", "sleeps while nothing moves; its key frames are looked at")
            }
            Sleep::OnlyKeyFrames => (
                "画面静止时休眠，每秒看一个关键帧",
                "sleeps while nothing moves; one key frame a second is looked at",
            ),
            Sleep::FarKeyFrames => (
                "关键帧间隔太长，只有帧的大小能可靠反映画面变化时才休眠",
                "sleeps only if the sizes of its pictures prove to tell what moves: key frames are too far apart",
            ),
            Sleep::Never => (
                "不能休眠：两个关键帧之间数据太多；画面静止时只解码被其他帧引用的帧，每秒看一帧",
                "cannot sleep: too much comes between two key frames; while nothing moves, pictures that others refer to are \
                 decoded and one a second is looked at",
            ),
            Sleep::Unknown => (
                "无法判断：收到的关键帧太少，请用 --seconds 观察更久",
                "cannot be told: too few key frames came; watch longer with --seconds",
            ),
        };
        language.pick(chinese, english)
    }
}

// === impl Figures ===

impl Figures {
    /// What to change in the camera's settings; nothing where all is well.
    pub fn advice(&self, language: Language) -> Vec<String> {
        let advice = [
            self.about_key_frames(language),
            self.about_sleep(language),
            self.about_size(language),
            self.about_rate(language),
            self.about_bits(language),
            self.about_losses(language),
            self.about_the_clock(language),
        ];
        advice.into_iter().flatten().collect()
    }

    fn about_key_frames(&self, language: Language) -> Option<String> {
        let Some(interval) = self.key_frame_interval_s else {
            let s = self.seconds;
            return Some(language.pick(
                format!("{s:.0} 秒内只有一个关键帧：请把关键帧（I 帧）间隔设为 2 秒"),
                format!("only one key frame in {s:.0} s: set the key frame (I-frame) interval to 2 s"),
            ));
        };
        if interval > KEY_FRAME_INTERVAL_MAX_S {
            return Some(language.pick(
                format!(
                    "每 {interval:.1} 秒一个关键帧：请把关键帧（I 帧）间隔设为 2 秒，丢包后画面恢复更快，画面静止时可以休眠"
                ),
                format!(
                    "a key frame every {interval:.1} s: set the key frame (I-frame) interval to 2 s, so that the picture \
                     mends sooner after a loss and the camera can sleep while nothing moves"
                ),
            ));
        }
        let are_all_keys = self.key_frame_interval_pictures == Some(1);
        (interval < KEY_FRAME_INTERVAL_MIN_S).then(|| match are_all_keys {
            true => language
                .pick(
                    "每一帧都是关键帧：请把关键帧（I 帧）间隔设为 2 秒，码率会小得多",
                    "every picture is a key frame: set the key frame (I-frame) interval to 2 s, which takes a fraction \
                     of the bits",
                )
                .to_owned(),
            false => language.pick(
                format!("每 {interval:.1} 秒一个关键帧：间隔设为 2 秒更省码率"),
                format!("a key frame every {interval:.1} s: an interval of 2 s takes fewer bits"),
            ),
        })
    }

    fn about_sleep(&self, language: Language) -> Option<String> {
        let group_mb = self.key_frame_interval_s.unwrap_or_default() * self.kbit_s / 8000.0;
        let held_mb = GROUP_MAX_BYTES / 1e6;
        (self.sleep() == Sleep::Never).then(|| {
            language.pick(
                format!(
                    "两个关键帧之间有 {group_mb:.0} MB，超过可保留的 {held_mb:.0} MB：请把关键帧间隔设为 2 秒或降低码率，\
                     画面静止时才能休眠"
                ),
                format!(
                    "{group_mb:.0} MB from one key frame to the next, more than the {held_mb:.0} MB that are held: set the \
                     key frame interval to 2 s or lower the bit rate, so that the camera can sleep while nothing moves"
                ),
            )
        })
    }

    fn about_size(&self, language: Language) -> Option<String> {
        let (width, height) = (self.width, self.height);
        (width * height > PICTURE_MAX_PX).then(|| {
            language.pick(
                format!("{width}x{height} 像素：检测只用 640 像素以内；请改用子码流地址，或设为 1920x1080"),
                format!(
                    "{width}x{height} pixels: detectors look at 640 or less; use the sub-stream's url, or 1920x1080"
                ),
            )
        })
    }

    fn about_rate(&self, language: Language) -> Option<String> {
        let fps = self.fps;
        (fps > FPS_MAX).then(|| {
            language.pick(
                format!("每秒 {fps:.1} 帧：15 到 25 帧足够，解码更省"),
                format!("{fps:.1} pictures a second: 15 to 25 are enough and take less to decode"),
            )
        })
    }

    fn about_bits(&self, language: Language) -> Option<String> {
        let mbit_s = self.kbit_s / 1000.0;
        (self.kbit_s > KBIT_S_MAX).then(|| {
            language.pick(
                format!("{mbit_s:.1} Mbit/s：1920x1080 用 2 到 4 Mbit/s 足够，解码更省"),
                format!("{mbit_s:.1} Mbit/s: 2 to 4 Mbit/s are enough for 1920x1080 and take less to decode"),
            )
        })
    }

    fn about_losses(&self, language: Language) -> Option<String> {
        let (lost, s) = (self.lost_packets, self.seconds);
        (lost > 0).then(|| {
            language.pick(
                format!("{s:.0} 秒内丢包 {lost} 个：摄像机或网络过载；请降低码率或改用网线"),
                format!(
                    "{lost} packets lost in {s:.0} s: the camera or its network is overloaded; lower the bit rate or use a \
                     cable"
                ),
            )
        })
    }

    fn about_the_clock(&self, language: Language) -> Option<String> {
        let offset = self.clock_offset_s.filter(|offset| offset.abs() > CLOCK_OFFSET_MAX_S)?;
        let (by, is_ahead) = (offset.abs(), offset > 0.0);
        let (chinese, english) = if is_ahead { ("快", "ahead") } else { ("慢", "behind") };
        Some(language.pick(
            format!("时钟{chinese} {by:.0} 秒：请在摄像机里设置时间服务器（NTP）"),
            format!("its clock is {by:.0} s {english}: set a time server (NTP) in the camera"),
        ))
    }
}

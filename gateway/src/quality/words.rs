//! What is wrong with a camera's picture and what to do about it, in two languages: the rows of `deploy/faults.md`.

use super::defect::Defect;
use crate::language::Language;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What it means.
    pub problem: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Title for people at the centre.
pub fn title(defect: Defect) -> &'static str {
    match defect {
        Defect::Black => "画面黑屏",
        Defect::Covered => "画面遮挡",
        Defect::Moved => "摄像机移位",
        Defect::Frozen => "画面冻结",
        Defect::Blurred => "画面模糊",
        Defect::Dark => "画面过暗",
        Defect::Bright => "画面过亮",
        Defect::Cast => "画面偏色",
        Defect::Noise => "画面噪声",
        Defect::Stripes => "条纹干扰",
        Defect::Torn => "视频丢包花屏",
        Defect::FrameRate => "帧率不符",
        Defect::KeyFrames => "关键帧间隔不符",
        Defect::Clock => "摄像机时钟偏差",
    }
}

/// What is wrong and what to do.
pub fn advice(defect: Defect, language: Language) -> Advice {
    let (chinese, english) = match defect {
        Defect::Black => (
            ("画面全黑", "查镜头盖、光圈、夜间补光和红外灯"),
            (
                "the picture is black",
                "look at the lens cap, the iris, the light at night and the infrared lamps",
            ),
        ),
        Defect::Covered => (
            ("镜头被遮挡，或灯灭了", "到现场取下遮挡物，擦净护罩"),
            (
                "something hangs before the lens, or the light went out",
                "go there, take it away, wipe the dome",
            ),
        ),
        Defect::Moved => (
            ("摄像机朝向变了", "对照原画面重新对准；若是有意调整，24 小时后自动作为新画面"),
            (
                "the camera looks elsewhere than before",
                "turn it back; a view that was changed on purpose is taken for the usual one after 24 h",
            ),
        ),
        Defect::Frozen => (
            ("画面一直不变，时间戳却在走", "重启摄像机，升级固件"),
            (
                "the same picture again and again, although its time goes on",
                "restart the camera, renew its firmware",
            ),
        ),
        Defect::Blurred => (
            ("画面比平时模糊", "擦镜头和护罩，重新对焦，查护罩内结露"),
            (
                "the picture is less sharp than usual",
                "wipe lens and dome, focus anew, look for dew in the dome",
            ),
        ),
        Defect::Dark => (
            ("画面太暗", "查光圈、曝光设置和现场照明"),
            ("the picture is too dark", "look at iris, exposure and the light there"),
        ),
        Defect::Bright => (
            ("画面太亮，看不清", "查强光直射、光圈和宽动态（WDR）设置"),
            (
                "the picture is washed out",
                "look for light into the lens, at iris and wide dynamic range (WDR)",
            ),
        ),
        Defect::Cast => (
            ("画面偏色", "查白平衡设置和红外滤光片切换"),
            ("the picture has a tint", "look at the white balance and whether the infrared filter switches"),
        ),
        Defect::Noise => (
            ("画面噪点多", "查供电、补光和增益设置"),
            ("the picture is grainy", "look at the power supply, the light and the gain"),
        ),
        Defect::Stripes => (
            ("画面有条纹", "查供电、接地和干扰源；灯光频闪时把防闪烁设为 50 Hz"),
            (
                "stripes run over the picture",
                "look at power supply and earthing; where lamps flicker, set the camera to 50 Hz",
            ),
        ),
        Defect::Torn => (
            ("网络丢包，画面花屏", "查网线和交换机，改用子码流或降低码率"),
            (
                "packets are lost on the way and pictures torn",
                "look at cable and switch; use the sub-stream, or lower its bit rate",
            ),
        ),
        Defect::FrameRate => (
            ("帧率与配置不符", "在摄像机上改帧率，或改配置里的 frame_rate；夜间慢快门会减半帧率"),
            (
                "not as many pictures a second as configured",
                "set it in the camera, or correct `frame_rate`; a slow shutter at night halves it",
            ),
        ),
        Defect::KeyFrames => (
            (
                "关键帧间隔与配置不符",
                "在摄像机上改 I 帧间隔，关掉 H.264+/H.265+，或改配置里的 key_frame_interval",
            ),
            (
                "key frames are not as far apart as configured",
                "set the I-frame interval in the camera, switch H.264+/H.265+ off, or correct `key_frame_interval`",
            ),
        ),
        Defect::Clock => (
            ("摄像机时钟不准", "在摄像机上设 NTP 服务器和时区"),
            ("the camera's clock is wrong", "give the camera an NTP server and its time zone"),
        ),
    };
    let (problem, remedy) = language.pick(chinese, english);
    Advice { problem, remedy }
}

/// The sentence of an event: what is wrong, by which figures, and what to do.
pub fn sentence(defect: Defect, figures: &str) -> String {
    let said = |language| {
        let Advice { problem, remedy } = advice(defect, language);
        (problem, remedy)
    };
    let ((problem, remedy), (chinese, chinese_remedy)) = (said(Language::English), said(Language::Chinese));
    format!("{problem}: {figures}; {remedy} / {chinese}：{chinese_remedy}")
}

//! What can be wrong with a camera that sends pictures, and how it is told.
//!
//! Source: the list of picture faults that operators of public-safety cameras are held to (video quality diagnosis, 视频质量
//! 诊断), with the least time that each has to last there.

use std::time::Duration;

/// One thing that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defect {
    /// Nothing but black.
    Black,
    /// Something hangs before the lens.
    Covered,
    /// The camera looks elsewhere.
    Moved,
    /// The same picture again and again.
    Frozen,
    /// Out of focus, or a dirty lens.
    Blurred,
    /// Too dark for the time of day, or for this camera.
    Dark,
    /// Washed out.
    Bright,
    /// A tint over all of it.
    Cast,
    /// Snow, grain.
    Noise,
    /// A regular pattern over all of it.
    Stripes,
    /// Packets are lost on the way, and pictures torn.
    Torn,
    /// Not as many pictures a second as the configuration says.
    FrameRate,
    /// Key frames nearer or further apart than the configuration says.
    KeyFrames,
    /// The camera's clock is wrong.
    Clock,
}

// === impl Defect ===

impl Defect {
    /// Every defect.
    pub const ALL: [Defect; 14] = [
        Defect::Black,
        Defect::Covered,
        Defect::Moved,
        Defect::Frozen,
        Defect::Blurred,
        Defect::Dark,
        Defect::Bright,
        Defect::Cast,
        Defect::Noise,
        Defect::Stripes,
        Defect::Torn,
        Defect::FrameRate,
        Defect::KeyFrames,
        Defect::Clock,
    ];

    /// The word in metrics, event types and rule ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Defect::Black => "black",
            Defect::Covered => "covered",
            Defect::Moved => "moved",
            Defect::Frozen => "frozen",
            Defect::Blurred => "blurred",
            Defect::Dark => "dark",
            Defect::Bright => "bright",
            Defect::Cast => "cast",
            Defect::Noise => "noise",
            Defect::Stripes => "stripes",
            Defect::Torn => "torn",
            Defect::FrameRate => "frame-rate",
            Defect::KeyFrames => "key-frames",
            Defect::Clock => "clock",
        }
    }

    /// Event code.
    pub fn code(self) -> &'static str {
        match self {
            Defect::Black => "VQ_BLACK",
            Defect::Covered => "VQ_COVER",
            Defect::Moved => "VQ_SCENE",
            Defect::Frozen => "VQ_FREEZE",
            Defect::Blurred => "VQ_BLUR",
            Defect::Dark => "VQ_DARK",
            Defect::Bright => "VQ_BRIGHT",
            Defect::Cast => "VQ_CAST",
            Defect::Noise => "VQ_NOISE",
            Defect::Stripes => "VQ_STRIPE",
            Defect::Torn => "VQ_CODEC",
            Defect::FrameRate => "VQ_FPS",
            Defect::KeyFrames => "VQ_GOP",
            Defect::Clock => "VQ_TIME",
        }
    }

    /// Id of the built-in rule that tells it.
    pub fn rule_id(self) -> String {
        format!("health/picture-{}", self.as_str())
    }

    /// How long it has to last before it is told, and to be over before that is told.
    pub fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Defect::Black => 10,
            Defect::Covered => 30,
            Defect::Moved | Defect::Frozen | Defect::Clock => 60,
            Defect::Blurred
            | Defect::Dark
            | Defect::Bright
            | Defect::Cast
            | Defect::Noise
            | Defect::Stripes
            | Defect::Torn
            | Defect::FrameRate
            | Defect::KeyFrames => 300,
        })
    }

    /// Whether what is in the picture cannot be relied on: it counts against the share of good pictures.
    pub fn spoils_pictures(self) -> bool {
        !matches!(self, Defect::FrameRate | Defect::KeyFrames | Defect::Clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_has_a_word_and_a_code_of_its_own() {
        for (at, defect) in Defect::ALL.into_iter().enumerate() {
            assert_eq!(defect as usize, at, "{defect:?} stands in its place");
            for other in &Defect::ALL[..at] {
                assert!(defect.as_str() != other.as_str() && defect.code() != other.code(), "{defect:?}");
            }
        }
    }
}

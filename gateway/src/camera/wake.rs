//! Why a sleeping camera wakes.

/// Why a camera woke. The words are metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// A session began, or the stream's parameters changed.
    NewSequence,
    /// A look showed something new.
    Look,
    /// A look showed another picture altogether: day and night, a lamp, a turned camera.
    Switch,
    /// Sizes of encoded pictures.
    Sentinel,
    /// The detector found something in a look in which nothing had changed, or misses something parked.
    Detector,
    /// Somebody asked: an alarm, a still.
    Request,
    /// Key frames could not be looked at, or do not come.
    Blind,
    /// The ring cannot hold what came since the last look.
    Overrun,
    /// Media time leapt.
    Clock,
}

// === impl Wake ===

impl Wake {
    /// Every reason.
    pub const ALL: [Wake; 9] = [
        Wake::NewSequence,
        Wake::Look,
        Wake::Switch,
        Wake::Sentinel,
        Wake::Detector,
        Wake::Request,
        Wake::Blind,
        Wake::Overrun,
        Wake::Clock,
    ];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Wake::NewSequence => "new-sequence",
            Wake::Look => "look",
            Wake::Switch => "switch",
            Wake::Sentinel => "sentinel",
            Wake::Detector => "detector",
            Wake::Request => "request",
            Wake::Blind => "blind",
            Wake::Overrun => "overrun",
            Wake::Clock => "clock",
        }
    }
}

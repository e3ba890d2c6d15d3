//! What is measured: one row is one contestant on one scene, so that a run can be stopped and gone on with.

use std::fmt;

use super::others::{OTHERS, Other};

/// Numbers of idle cameras.
const MANY: [usize; 3] = [1, 32, 64];
/// The same in short.
const FEW: [usize; 2] = [1, 8];
/// Cameras of which a tenth is active at any time.
const TENTH_OF: usize = 64;
/// Cameras that have learned what something looks like.
const PROVEN: usize = 32;
/// Cameras that always show something, for the comparison with bare inference.
const BUSY: usize = 2;

/// What a camera shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Nothing, in 1080p25 H.264 at a constant rate.
    H264Cbr,
    /// Nothing, in 1080p25 H.264 at a constant quality.
    H264Vbr,
    /// Nothing, in 1080p25 H.265 at a constant rate.
    H265Cbr,
    /// Nothing, in 1080p25 H.265 at a constant quality.
    H265Vbr,
    /// Nothing, in a sub-stream.
    Sub,
    /// Nothing any more, after a busy morning in which the sentinel may have proven itself.
    Proven,
    /// Something, a tenth of the time.
    Tenth,
    /// Something, always.
    Busy,
}

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody else, one camera.
    Other(Other),
    /// The gateway's RTSP client alone, so many cameras.
    ReceiveOnly(usize),
    /// The whole gateway, so many cameras.
    Gateway(usize),
    /// Decode and bare inference, so many cameras.
    Bare(usize),
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) scene: Scene,
    pub(crate) who: Who,
}

/// All rows in the order in which they are measured.
pub(crate) fn rows(is_short: bool) -> Vec<Row> {
    let counts: &[usize] = if is_short { &FEW } else { &MANY };
    let idle = Scene::IDLE.into_iter().filter(|scene| !is_short || scene.is_in_short());
    let mut rows: Vec<Row> = idle.flat_map(|scene| idle_rows(scene, counts)).collect();
    if !is_short {
        rows.push(Row { scene: Scene::Proven, who: Who::Gateway(PROVEN) });
        rows.push(Row { scene: Scene::Tenth, who: Who::Gateway(TENTH_OF) });
    }
    rows.push(Row { scene: Scene::Busy, who: Who::Bare(BUSY) });
    rows.push(Row { scene: Scene::Busy, who: Who::Gateway(BUSY) });
    rows
}

fn idle_rows(scene: Scene, counts: &[usize]) -> impl Iterator<Item = Row> {
    let others = OTHERS.into_iter().map(Who::Other);
    let ours = counts.iter().flat_map(|count| [Who::ReceiveOnly(*count), Who::Gateway(*count)]);
    let who: Vec<Who> = others.chain(ours).collect();
    who.into_iter().map(move |who| Row { scene, who })
}

// === impl Scene ===

impl Scene {
    /// Those on which nothing happens.
    pub(crate) const IDLE: [Scene; 5] =
        [Scene::H264Cbr, Scene::H264Vbr, Scene::H265Cbr, Scene::H265Vbr, Scene::Sub];

    /// Its part of a row's name.
    fn word(self) -> &'static str {
        match self {
            Scene::H264Cbr => "h264-cbr",
            Scene::H264Vbr => "h264-vbr",
            Scene::H265Cbr => "h265-cbr",
            Scene::H265Vbr => "h265-vbr",
            Scene::Sub => "sub",
            Scene::Proven => "proven",
            Scene::Tenth => "tenth",
            Scene::Busy => "busy",
        }
    }

    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Scene::H264Cbr => "1080p25 H.264 CBR",
            Scene::H264Vbr => "1080p25 H.264 VBR",
            Scene::H265Cbr => "1080p25 H.265 CBR",
            Scene::H265Vbr => "1080p25 H.265 VBR",
            Scene::Sub => "640x360 15/s H.264 CBR",
            Scene::Proven => "1080p25 H.264 CBR, idle after a busy morning",
            Scene::Tenth => "1080p25 H.264 CBR, active 10 % of the time",
            Scene::Busy => "1080p25 H.264 CBR, always active",
        }
    }

    /// Whether nothing ever happens on it.
    pub(crate) fn is_idle(self) -> bool {
        Self::IDLE.contains(&self)
    }

    fn is_in_short(self) -> bool {
        matches!(self, Scene::H264Cbr | Scene::Sub)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Other(other) => f.write_str(other.word()),
            Who::ReceiveOnly(cameras) => write!(f, "receive-{cameras}"),
            Who::Gateway(cameras) => write!(f, "gateway-{cameras}"),
            Who::Bare(cameras) => write!(f, "bare-{cameras}"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scene.word(), self.who)
    }
}

//! Where the test data is, and pictures from it.

use std::path::PathBuf;
use std::process::Command;

use moshao_inference::picture::{BoxPx, Matrix, PictureView, Plane, Range, Rotation};

/// A decoded picture that owns its planes, without padding.
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) planes: Vec<u8>,
    pub(crate) range: Range,
}

/// Says that a test is skipped, and why.
#[expect(clippy::print_stderr, reason = "a test that did nothing must not look as if it had passed")]
pub(crate) fn skip(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

/// The folder of real models, pictures and footage. Says so and returns `None` where it is missing.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("MOSHAO_TEST_DATA").map_or(beside, PathBuf::from);
    if folder.join("models").is_dir() {
        return Some(folder);
    }
    skip(&format!("no test data at {}; set MOSHAO_TEST_DATA", folder.display()));
    None
}

/// Picture number `number` of a picture or video file, decoded by the `ffmpeg` program. Says so and returns `None` where
/// that is missing.
pub(crate) fn frame(file: &str, number: usize) -> Option<Frame> {
    let path = data()?.join(file);
    let is_jpeg = file.ends_with(".jpg");
    let probe = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "stream=width,height",
            "-of",
            "csv=p=0",
        ])
        .arg(&path)
        .output();
    let Ok(probe) = probe else {
        skip("no ffmpeg and ffprobe on PATH");
        return None;
    };
    let size = String::from_utf8(probe.stdout).unwrap();
    let (width, height) = size.trim().split_once(',').expect("ffprobe prints width,height");
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    let raw = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        .args(["-vf", &format!("select=eq(n\\,{number})"), "-frames:v", "1", "-f", "rawvideo"])
        .args(["-pix_fmt", if is_jpeg { "yuvj420p" } else { "yuv420p" }, "-"])
        .output()
        .expect("ffmpeg runs where ffprobe does");
    let expected = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
    assert_eq!(raw.stdout.len(), expected, "{file}: {}", String::from_utf8_lossy(&raw.stderr));
    let range = if is_jpeg { Range::Full } else { Range::Limited };
    Some(Frame { width, height, planes: raw.stdout, range })
}

/// Where a rectangle of an upright picture of `width` x `height` pixels lies in one that a turn by `rotation` makes upright.
pub(crate) fn turned_back(area: BoxPx, rotation: Rotation, width: usize, height: usize) -> BoxPx {
    let (w, h) = (width as f32, height as f32);
    let BoxPx { x1, y1, x2, y2 } = area;
    match rotation {
        Rotation::None => area,
        Rotation::Quarter => BoxPx { x1: y1, y1: w - x2, x2: y2, y2: w - x1 },
        Rotation::Half => BoxPx { x1: w - x2, y1: h - y2, x2: w - x1, y2: h - y1 },
        Rotation::ThreeQuarters => BoxPx { x1: h - y2, y1: x1, x2: h - y1, y2: x2 },
    }
}

impl Frame {
    /// The picture as a camera would give it that has to be turned by `rotation`: sample by sample. Sides must be even.
    pub(crate) fn turned_back(&self, rotation: Rotation) -> Self {
        assert!(
            self.width.is_multiple_of(2) && self.height.is_multiple_of(2),
            "{}x{}",
            self.width,
            self.height
        );
        let swaps = matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters);
        let turn = |plane: &[u8], w: usize, h: usize| -> Vec<u8> {
            let (to_w, to_h) = if swaps { (h, w) } else { (w, h) };
            let from = |x: usize, y: usize| match rotation {
                Rotation::None => (x, y),
                Rotation::Quarter => (w - 1 - y, x),
                Rotation::Half => (w - 1 - x, h - 1 - y),
                Rotation::ThreeQuarters => (y, h - 1 - x),
            };
            let all = (0..to_h).flat_map(|y| (0..to_w).map(move |x| (x, y)));
            all.map(|(x, y)| from(x, y)).map(|(x, y)| plane[y * w + x]).collect()
        };
        let (y, rest) = self.planes.split_at(self.width * self.height);
        let (u, v) = rest.split_at(rest.len() / 2);
        let (half_w, half_h) = (self.width / 2, self.height / 2);
        let planes =
            [turn(y, self.width, self.height), turn(u, half_w, half_h), turn(v, half_w, half_h)].concat();
        let (width, height) = if swaps { (self.height, self.width) } else { (self.width, self.height) };
        Self { width, height, planes, range: self.range }
    }

    /// As the detector takes it. BT.601, which is what OpenCV assumes of all footage.
    pub(crate) fn view(&self) -> PictureView<'_> {
        let (chroma_w, chroma_h) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let (y, rest) = self.planes.split_at(self.width * self.height);
        let (u, v) = rest.split_at(chroma_w * chroma_h);
        PictureView {
            width: self.width,
            height: self.height,
            y: Plane { data: y, stride: self.width },
            u: Plane { data: u, stride: chroma_w },
            v: Plane { data: v, stride: chroma_w },
            range: self.range,
            matrix: Matrix::Bt601,
            rotation: Rotation::None,
        }
    }
}

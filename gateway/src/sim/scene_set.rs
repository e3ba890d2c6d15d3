//! Labelled pictures of many generated scenes, for training and checking detectors.
//!
//! Each picture comes from a seed of its own, so no two show the same place. Labels are YOLO text, one line a thing:
//! class (0 fire, 1 smoke), middle x, middle y, width, height in fractions of the picture.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;

use super::scene::{Label, Scene, Story, Truth};

/// What to write.
#[derive(Debug, Clone)]
pub struct SceneSet {
    /// Folder that gets `NAME.jpg` and `NAME.txt`; created where it is missing.
    pub out: PathBuf,
    /// Pictures.
    pub count: u64,
    /// Seed of the first picture; the others follow.
    pub first_seed: u64,
    /// Width and height, pixels.
    pub size_px: (u32, u32),
    /// Photographs without fire to stand in for the drawn place; none to draw it.
    pub backdrops: Vec<PathBuf>,
}

/// Why a set could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SceneSetError {
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A picture could not be encoded or a backdrop not decoded.
    #[error("picture {}: {source}", path.display())]
    Picture {
        /// Which.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
}

// === impl SceneSet ===

impl SceneSet {
    /// Writes all pictures, calling `written` after each with how many there are.
    pub fn write(&self, mut written: impl FnMut(u64)) -> Result<(), SceneSetError> {
        fs::create_dir_all(&self.out)
            .map_err(|source| SceneSetError::Write { path: self.out.clone(), source })?;
        for number in 0..self.count {
            self.write_one(self.first_seed + number)?;
            written(number + 1);
        }
        Ok(())
    }

    fn write_one(&self, seed: u64) -> Result<(), SceneSetError> {
        let (width_px, height_px) = self.size_px;
        let (scene, name) = if self.backdrops.is_empty() {
            (Scene::new(seed, width_px, height_px, Story::Drawn), format!("scene-{seed:06}"))
        } else {
            let path = &self.backdrops[(seed % self.backdrops.len() as u64) as usize];
            let photograph = image::open(path)
                .map_err(|source| SceneSetError::Picture { path: path.clone(), source })?
                .into_rgb8();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            (Scene::before(&photograph, seed, width_px, height_px, Story::Drawn), format!("{stem}-{seed:06}"))
        };
        // Spread over the life of a fire and over the quality of cameras, by the seed alone.
        let t_s = 1.0 + ((seed.wrapping_mul(0x9e37_79b9) >> 8) % 2900) as f32 / 100.0;
        let quality = 55 + ((seed.wrapping_mul(0x85eb_ca6b) >> 9) % 38) as u8;
        let frame = scene.render(t_s);
        let mut jpeg = vec![];
        let path = self.out.join(&name).with_extension("jpg");
        JpegEncoder::new_with_quality(&mut jpeg, quality)
            .encode_image(&frame.image)
            .map_err(|source| SceneSetError::Picture { path: path.clone(), source })?;
        save(&path, &jpeg)?;
        save(&path.with_extension("txt"), yolo(&frame.truth).as_bytes())
    }
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), SceneSetError> {
    fs::write(path, bytes).map_err(|source| SceneSetError::Write { path: path.to_owned(), source })
}

/// YOLO label text.
fn yolo(truth: &[Truth]) -> String {
    let mut text = String::new();
    for Truth { label, area: [left, top, right, bottom] } in truth {
        let class = match label {
            Label::Fire => 0,
            Label::Smoke => 1,
        };
        let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
        writeln!(text, "{class} {x:.5} {y:.5} {:.5} {:.5}", right - left, bottom - top)
            .expect("a String takes all text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_middle_and_size() {
        let truth = [
            Truth { label: Label::Fire, area: [0.25, 0.5, 0.75, 1.0] },
            Truth { label: Label::Smoke, area: [0.0, 0.0, 0.1, 0.2] },
        ];
        assert_eq!(yolo(&truth), "0 0.50000 0.75000 0.50000 0.50000\n1 0.05000 0.10000 0.10000 0.20000\n");
    }

    #[test]
    fn each_picture_has_its_labels_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let set = SceneSet {
            out: folder.path().join("set"),
            count: 3,
            first_seed: 1,
            size_px: (96, 54),
            backdrops: vec![],
        };
        set.write(|_| ()).unwrap();
        let mut names: Vec<_> = fs::read_dir(&set.out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 6);
        for pair in names.chunks(2) {
            assert_eq!(pair[0].replace(".jpg", ".txt"), pair[1]);
            let picture = image::open(set.out.join(&pair[0])).unwrap();
            assert_eq!((picture.width(), picture.height()), (96, 54));
        }
    }
}

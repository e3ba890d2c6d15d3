//! A picture made small: mean brightness of square cells, about 160 of them across.
//!
//! Small enough that looking at it costs a fraction of a millisecond, and large enough that a person far away covers
//! several cells. A mean over some hundred samples has a tenth of the sensor's noise.

use moshao_inference::picture::PictureView;

/// Cells across, at most; cells are whole pixels wide, so there may be fewer.
const COLUMNS_MAX: usize = 160;
/// Rows of pixels that are read of each cell: more would not be more certain, because encoders leave hardly any noise
/// from row to row.
const ROWS_READ: usize = 4;

/// Mean brightness of each cell, row by row, 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumb {
    /// Cells in a row.
    pub columns: usize,
    /// Rows of cells.
    pub rows: usize,
    /// `columns * rows` means.
    pub cells: Vec<f32>,
}

/// Left, top, right, bottom in fractions of the picture.
pub type Area = [f32; 4];

// === impl Thumb ===

impl Thumb {
    /// Makes a picture small. What is left over at the right and lower edge, less than a cell, is not looked at.
    pub fn of(picture: &PictureView<'_>) -> Self {
        let side = picture.width.div_ceil(COLUMNS_MAX).max(1);
        let (columns, rows) = (picture.width / side, picture.height / side);
        let step = side.div_ceil(ROWS_READ).max(1);
        let mut cells = Vec::with_capacity(columns * rows);
        let mut sums = vec![0_u32; columns];
        for row in 0..rows {
            sums.fill(0);
            let mut read = 0;
            for y in (row * side..(row + 1) * side).step_by(step) {
                let line = &picture.y.data[y * picture.y.stride..][..columns * side];
                for (sum, samples) in sums.iter_mut().zip(line.chunks_exact(side)) {
                    *sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
                }
                read += side;
            }
            cells.extend(sums.iter().map(|sum| *sum as f32 / read as f32));
        }
        Self { columns, rows, cells }
    }

    /// Whether `other` has as many columns and rows.
    pub fn fits(&self, other: &Thumb) -> bool {
        (self.columns, self.rows) == (other.columns, other.rows)
    }

    /// The cells that an area of the picture touches.
    pub fn cells_in(&self, [left, top, right, bottom]: Area) -> impl Iterator<Item = usize> + use<> {
        let span = |from: f32, to: f32, count: usize| {
            let last = count.saturating_sub(1);
            let cell = |at: f32| ((at.clamp(0.0, 1.0) * count as f32) as usize).min(last);
            cell(from)..=cell(to)
        };
        let (columns, xs) = (self.columns, span(left, right, self.columns));
        span(top, bottom, self.rows).flat_map(move |y| xs.clone().map(move |x| y * columns + x))
    }
}

#[cfg(test)]
mod tests {
    use moshao_inference::picture::{Matrix, Plane, Range, Rotation};

    use super::*;

    fn thumb_of(width: usize, height: usize, luma: impl Fn(usize, usize) -> u8) -> Thumb {
        let stride = width + 32;
        let data: Vec<u8> = (0..stride * height).map(|i| luma(i % stride, i / stride)).collect();
        let plane = Plane { data: &data, stride };
        let (range, matrix) = (Range::Limited, Matrix::Bt709);
        let rotation = Rotation::default();
        Thumb::of(&PictureView { width, height, y: plane, u: plane, v: plane, range, matrix, rotation })
    }

    #[test]
    fn every_size_has_about_as_many_cells() {
        for (width, height, columns, rows) in [
            (1920, 1080, 160, 90),
            (640, 360, 160, 90),
            (768, 432, 153, 86),
            (3840, 2160, 160, 90),
            (20, 10, 20, 10),
        ] {
            let thumb = thumb_of(width, height, |_, _| 77);
            assert_eq!((thumb.columns, thumb.rows), (columns, rows), "{width}x{height}");
            assert!(thumb.cells.iter().all(|cell| *cell == 77.0));
        }
    }

    #[test]
    fn a_cell_is_the_mean_of_its_own_pixels() {
        let thumb =
            thumb_of(
                1920,
                1080,
                |x, y| if (120..132).contains(&x) && (240..252).contains(&y) { 200 } else { 40 },
            );
        let bright: Vec<usize> = (0..thumb.cells.len()).filter(|i| thumb.cells[*i] > 40.0).collect();
        assert_eq!(bright, [20 * 160 + 10]);
        assert_eq!(thumb.cells[bright[0]], 200.0);
    }

    #[test]
    fn an_area_touches_its_cells_and_stays_within_the_picture() {
        let thumb = Thumb { columns: 4, rows: 3, cells: vec![0.0; 12] };
        assert_eq!(thumb.cells_in([0.3, 0.0, 0.6, 0.2]).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(thumb.cells_in([-1.0, 0.9, 2.0, 3.0]).collect::<Vec<_>>(), [8, 9, 10, 11]);
    }
}

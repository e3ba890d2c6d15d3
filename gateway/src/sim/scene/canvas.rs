//! A picture in linear light, painted by functions of the place.
//!
//! Places are in picture heights: y runs from 0 at the top to 1 at the bottom, x from 0 to the aspect ratio. So a
//! scene is the same at every size. Colours are linear red, green, blue; 1 is the white of a well-exposed picture and
//! more is brighter.

/// Linear red, green, blue.
pub(super) type Colour = [f32; 3];

/// A rectangle in picture heights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// Pixels in linear light.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    pub(super) width_px: usize,
    pub(super) height_px: usize,
    pub(super) pixels: Vec<Colour>,
}

// === impl Canvas ===

impl Canvas {
    pub(super) fn new(width_px: usize, height_px: usize, colour: Colour) -> Self {
        Self { width_px, height_px, pixels: vec![colour; width_px * height_px] }
    }

    /// Size of a pixel in picture heights.
    pub(super) fn pixel(&self) -> f32 {
        1.0 / self.height_px as f32
    }

    pub(super) fn aspect(&self) -> f32 {
        self.width_px as f32 / self.height_px as f32
    }

    /// Mean light.
    pub(super) fn mean(&self) -> f32 {
        self.pixels.iter().flatten().sum::<f32>() / (3 * self.pixels.len()) as f32
    }

    /// Calls `f` with the place and the index of every pixel in `area`.
    pub(super) fn places(&self, area: Area, mut f: impl FnMut(f32, f32, usize)) {
        let scale = self.height_px as f32;
        let clip = |value: f32, limit: usize| (value * scale).floor().clamp(0.0, limit as f32) as usize;
        let (left, right) = (clip(area.left, self.width_px), clip(area.right + 1.0 / scale, self.width_px));
        let (top, bottom) = (clip(area.top, self.height_px), clip(area.bottom + 1.0 / scale, self.height_px));
        for row in top..bottom {
            let y = (row as f32 + 0.5) / scale;
            for column in left..right {
                f((column as f32 + 0.5) / scale, y, row * self.width_px + column);
            }
        }
    }

    /// Lays a colour over every pixel of `area` with the opacity that `f` gives.
    pub(super) fn paint(&mut self, area: Area, f: impl Fn(f32, f32) -> (Colour, f32)) {
        let mut pixels = std::mem::take(&mut self.pixels);
        self.places(area, |x, y, index| {
            let (colour, opacity) = f(x, y);
            if opacity > 0.0 {
                pixels[index] = blend(pixels[index], colour, opacity.min(1.0));
            }
        });
        self.pixels = pixels;
    }

    /// Adds light to every pixel of `area`.
    pub(super) fn add(&mut self, area: Area, f: impl Fn(f32, f32) -> Colour) {
        let mut pixels = std::mem::take(&mut self.pixels);
        self.places(area, |x, y, index| {
            let light = f(x, y);
            for (value, more) in pixels[index].iter_mut().zip(light) {
                *value += more;
            }
        });
        self.pixels = pixels;
    }

    /// The whole picture as an area.
    pub(super) fn everywhere(&self) -> Area {
        Area { left: 0.0, top: 0.0, right: self.aspect(), bottom: 1.0 }
    }
}

// === impl Area ===

impl Area {
    pub(super) fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self { left, top, right, bottom }
    }

    pub(super) fn around(x: f32, y: f32, half_width: f32, half_height: f32) -> Self {
        Self::new(x - half_width, y - half_height, x + half_width, y + half_height)
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    pub(super) fn grown(&self, by: f32) -> Self {
        Self::new(self.left - by, self.top - by, self.right + by, self.bottom + by)
    }

    /// Signed distance to the edge, negative inside; corners rounded by `radius`.
    pub(super) fn distance(&self, x: f32, y: f32, radius: f32) -> f32 {
        let dx = (x - (self.left + self.right) / 2.0).abs() - self.width() / 2.0 + radius;
        let dy = (y - (self.top + self.bottom) / 2.0).abs() - self.height() / 2.0 + radius;
        dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
    }
}

/// Opacity of the inside of a shape at a signed distance from its edge, smooth over a `pixel`.
pub(super) fn inside(distance: f32, pixel: f32) -> f32 {
    (0.5 - distance / pixel).clamp(0.0, 1.0)
}

/// Signed distance to a line of `radius` from `a` to `b`, round at the ends.
pub(super) fn capsule(x: f32, y: f32, a: (f32, f32), b: (f32, f32), radius: f32) -> f32 {
    let (px, py, dx, dy) = (x - a.0, y - a.1, b.0 - a.0, b.1 - a.1);
    let along = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
    (px - dx * along).hypot(py - dy * along) - radius
}

/// About the signed distance to an ellipse.
pub(super) fn ellipse(x: f32, y: f32, centre: (f32, f32), half: (f32, f32)) -> f32 {
    let k = ((x - centre.0) / half.0).hypot((y - centre.1) / half.1);
    (k - 1.0) * half.0.min(half.1)
}

pub(super) fn blend(under: Colour, over: Colour, opacity: f32) -> Colour {
    std::array::from_fn(|i| under[i] + (over[i] - under[i]) * opacity)
}

pub(super) fn scaled(colour: Colour, by: f32) -> Colour {
    colour.map(|c| c * by)
}

/// A colour as written in style sheets, `0xrrggbb`, in linear light.
pub(super) fn srgb(hex: u32) -> Colour {
    [16, 8, 0].map(|shift| {
        let value = ((hex >> shift) & 0xff) as f32 / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

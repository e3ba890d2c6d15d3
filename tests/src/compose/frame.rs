//! A raw picture on its way through the composer: planar 4:2:0, 8 bits, limited range.

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width, pixels; even.
    pub width: usize,
    /// Height, pixels; even.
    pub height: usize,
    /// Luma, then both chroma planes, without padding.
    pub data: Vec<u8>,
}

/// Black of limited range.
const BLACK: u8 = 16;
/// No colour.
pub(super) const GREY: u8 = 128;

// === impl Frame ===

impl Frame {
    /// A black one.
    pub fn black((width, height): (u32, u32)) -> Self {
        let (width, height) = (width as usize, height as usize);
        let mut data = vec![BLACK; width * height];
        data.resize(width * height * 3 / 2, GREY);
        Self { width, height, data }
    }

    /// Bytes of one picture of this size.
    pub fn bytes((width, height): (u32, u32)) -> usize {
        width as usize * height as usize * 3 / 2
    }

    /// Luma.
    pub fn luma(&self) -> &[u8] {
        &self.data[..self.width * self.height]
    }

    /// Luma and chroma, to be painted on.
    pub fn planes(&mut self) -> (&mut [u8], &mut [u8]) {
        self.data.split_at_mut(self.width * self.height)
    }

    /// Moves a pixel towards a grey value, `strength` of 255 of the way. Outside of the picture nothing happens.
    pub fn blend(&mut self, x: i32, y: i32, value: u8, strength: u8) {
        if let Some(at) = self.at(x, y) {
            self.data[at] = mix(self.data[at], value, strength);
        }
    }

    /// [`Frame::blend`] with a colour (blue and red difference).
    pub fn blend_colour(&mut self, x: i32, y: i32, colour: [u8; 3], strength: u8) {
        let Some(at) = self.at(x, y) else { return };
        self.data[at] = mix(self.data[at], colour[0], strength);
        let (half_width, luma) = (self.width / 2, self.width * self.height);
        let chroma = luma + (y as usize / 2) * half_width + x as usize / 2;
        for (plane, value) in colour[1..].iter().enumerate() {
            let at = chroma + plane * (luma / 4);
            self.data[at] = mix(self.data[at], *value, strength);
        }
    }

    /// Towards another picture of the same size, `strength` of 255 of the way.
    pub fn cross_fade(&mut self, to: &Frame, strength: u8) {
        for (mine, theirs) in self.data.iter_mut().zip(&to.data) {
            *mine = mix(*mine, *theirs, strength);
        }
    }

    fn at(&self, x: i32, y: i32) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then_some(y * self.width + x)
    }
}

fn mix(from: u8, to: u8, strength: u8) -> u8 {
    let (from, to, strength) = (i32::from(from), i32::from(to), i32::from(strength));
    (from + (to - from) * strength / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cross_fade_ends_at_the_other_picture() {
        let mut frame = Frame::black((16, 16));
        let white = Frame { data: vec![235; Frame::bytes((16, 16))], ..frame.clone() };
        let before = frame.clone();
        frame.cross_fade(&white, 0);
        assert_eq!(frame, before);
        frame.cross_fade(&white, 255);
        assert_eq!(frame, white);
    }

    #[test]
    fn painting_beside_the_picture_does_nothing() {
        let mut frame = Frame::black((16, 16));
        let before = frame.clone();
        for (x, y) in [(-1, 0), (0, -1), (16, 0), (0, 16)] {
            frame.blend_colour(x, y, [200, 90, 90], 255);
        }
        assert_eq!(frame, before);
        frame.blend_colour(15, 15, [200, 90, 91], 255);
        assert_eq!((frame.data[255], frame.data[256 + 63], frame.data[256 + 127]), (200, 90, 91));
    }
}

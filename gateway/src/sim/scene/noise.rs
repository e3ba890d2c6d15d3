//! Value noise on an integer lattice, and sums of its octaves: the stuff that plaster, leaves, flames and smoke are
//! made of. Values are 0 to 1 with a mean of one half.

/// A number that looks random and depends on nothing but the arguments.
pub(super) fn hash(x: i32, y: i32, z: i32, seed: u32) -> u32 {
    let mut h = seed
        ^ (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// [`hash`] as 0 to 1.
pub(super) fn hash_unit(x: i32, y: i32, z: i32, seed: u32) -> f32 {
    (hash(x, y, z, seed) >> 8) as f32 / (1u32 << 24) as f32
}

fn fade(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    fade(((value - low) / (high - low)).clamp(0.0, 1.0))
}

/// Noise in the plane.
pub(super) fn noise2(x: f32, y: f32, seed: u32) -> f32 {
    let (xf, yf) = (x.floor(), y.floor());
    let (xi, yi) = (xf as i32, yf as i32);
    let (u, v) = (fade(x - xf), fade(y - yf));
    let at = |dx, dy| hash_unit(xi.wrapping_add(dx), yi.wrapping_add(dy), 0, seed);
    mix(mix(at(0, 0), at(1, 0), u), mix(at(0, 1), at(1, 1), u), v)
}

/// Noise in the plane that changes with a third coordinate, time.
pub(super) fn noise3(x: f32, y: f32, z: f32, seed: u32) -> f32 {
    let (xf, yf, zf) = (x.floor(), y.floor(), z.floor());
    let (xi, yi, zi) = (xf as i32, yf as i32, zf as i32);
    let (u, v, w) = (fade(x - xf), fade(y - yf), fade(z - zf));
    let at = |dx, dy, dz| hash_unit(xi.wrapping_add(dx), yi.wrapping_add(dy), zi.wrapping_add(dz), seed);
    let plane = |dz| mix(mix(at(0, 0, dz), at(1, 0, dz), u), mix(at(0, 1, dz), at(1, 1, dz), u), v);
    mix(plane(0), plane(1), w)
}

/// Octaves of [`noise2`], each twice as fine and half as strong.
pub(super) fn turbulence2(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        sum += weight * noise2(x * scale, y * scale, seed.wrapping_add(octave));
        total += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    sum / total
}

/// Octaves of [`noise3`]; finer ones change faster.
pub(super) fn turbulence3(x: f32, y: f32, z: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        sum +=
            weight * noise3(x * scale, y * scale, z * (1.0 + 0.5 * octave as f32), seed.wrapping_add(octave));
        total += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    sum / total
}

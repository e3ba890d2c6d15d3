//! What belongs to a building: doors and windows, some of them lit, signs, lanterns, ceiling lamps.

use super::backdrop::{Layout, fiery_colour};
use super::canvas::{Area, Colour, ellipse, inside, scaled, srgb};
use super::light::Light;
use super::noise::{hash_unit, noise2, turbulence2};
use super::random::Random;
use super::stage::{Stage, Surface};

pub(super) fn on_the_wall(stage: &mut Stage, layout: &Layout, light: &Light, random: &mut Random) {
    let unit = layout.person(layout.ground) / 1.7;
    let step = unit * random.range(2.2, 4.0);
    let frame = srgb(random.pick(&[0xe8e6e0, 0x5b4636, 0x3b3f44, 0x2f5a48, 0x8b3a2a]));
    let door = srgb(random.pick(&[0x6b3d26, 0x8c2f22, 0x3d5360, 0x55585c, 0x9a7a50]));
    let curtain = srgb(random.pick(&[0xf4d9a6, 0xf0b860, 0xe6c7c0, 0xd9e0e6, 0xff9a40]));
    let seed = random.seed32();
    let mut x = random.range(-0.5, 0.5) * step;
    let mut number = 0;
    while x < layout.aspect + step {
        number += 1;
        let is_door = hash_unit(number, 1, 0, seed) < 0.3;
        let (width, top, bottom) =
            if is_door { (unit * 1.0, unit * 2.1, 0.0) } else { (unit * 1.5, unit * 2.2, unit * 0.9) };
        if width < 3.0 * stage.pixel() {
            break;
        }
        let mut storey = 0.0;
        while layout.ground - storey - top > layout.roof.max(-0.2) {
            let lower = if is_door && storey > 0.0 { unit * 0.9 } else { bottom };
            let area = Area::new(
                x - width / 2.0,
                layout.ground - storey - top,
                x + width / 2.0,
                layout.ground - storey - lower,
            );
            if is_door && storey == 0.0 {
                panel(stage, area, frame, door);
            } else {
                let on = light.lamps_are_on() && hash_unit(number, (storey * 90.0) as i32, 3, seed) < 0.4;
                let glow = if on { Some(curtain) } else { None };
                window(stage, area, frame, glow, random);
            }
            storey += unit * 3.0;
        }
        if hash_unit(number, 4, 0, seed) < 0.3 {
            let at = (x + step * 0.5, layout.ground - unit * random.range(1.8, 2.8));
            air_conditioner(stage, at, unit);
        }
        x += step;
    }
    if random.chance(0.5) {
        let x = layout.aspect * random.unit();
        let radius = (unit * 0.06).max(stage.pixel());
        let pixel = stage.pixel();
        stage.paint(Area::new(x - radius, layout.roof, x + radius, layout.ground), |px, _| {
            Surface::new(
                [0.25, 0.25, 0.26],
                1.0 - (px - x).abs() / radius,
                inside((px - x).abs() - radius, pixel),
            )
        });
    }
    if random.chance(0.35) {
        // A banner or a shop sign.
        let width = unit * random.range(2.0, 6.0);
        let middle = (layout.aspect * random.unit(), layout.ground - unit * random.range(2.4, 3.2));
        let colour = fiery_colour(random);
        let seed = random.seed32();
        let area = Area::around(middle.0, middle.1, width / 2.0, unit * 0.3);
        stage.paint(area, |x, y| {
            let (u, v) = ((x - area.left) / (unit * 0.4), (y - area.top) / area.height());
            let letter = hash_unit((u * 6.0) as i32, (v * 7.0) as i32, 0, seed) > 0.45
                && (0.15..0.85).contains(&u.fract())
                && (0.2..0.8).contains(&v);
            Surface::new(if letter { srgb(0xf6e7a0) } else { colour }, 0.9, 1.0)
        });
        if light.lamps_are_on() && random.chance(0.6) {
            stage.lamp(area, unit, scaled(colour, 0.4), |_, _| scaled(colour, 0.8));
        }
    }
}

fn panel(stage: &mut Stage, area: Area, frame: Colour, colour: Colour) {
    let pixel = stage.pixel();
    let border = area.width() * 0.07;
    stage.paint(area.grown(border), |x, y| {
        let distance = area.distance(x, y, 0.0);
        let rail = ((x - area.left) / area.width() * 2.0).fract();
        let fill = if (0.12..0.88).contains(&rail) { colour } else { scaled(colour, 0.7) };
        Surface::new(if distance > 0.0 { frame } else { fill }, 0.7, inside(distance - border, pixel))
    });
}

fn window(stage: &mut Stage, area: Area, frame: Colour, lit: Option<Colour>, random: &mut Random) {
    let pixel = stage.pixel();
    let border = area.width() * 0.05;
    let seed = random.seed32();
    let bars = random.chance(0.4);
    let is_frame = |x: f32, y: f32| {
        let distance = area.distance(x, y, 0.0);
        let half = ((x - area.left) / area.width() * 2.0).fract();
        distance > 0.0
            || !(0.06..0.94).contains(&half)
            || (bars && ((x - area.left) / area.width() * 10.0).fract() < 0.12)
    };
    stage.paint(area.grown(border), |x, y| {
        let reflection = turbulence2(x * 8.0, y * 8.0, 3, seed);
        let glass = scaled([0.06, 0.075, 0.09], 0.5 + 1.4 * reflection);
        let colour = if is_frame(x, y) { frame } else { glass };
        Surface::new(colour, 0.8, inside(area.distance(x, y, 0.0) - border, pixel))
    });
    if let Some(colour) = lit {
        let strength = random.range(0.35, 1.6);
        stage.lamp(area, area.width() * 1.3, scaled(colour, 0.35 * strength), |x, y| {
            let folds = 0.75 + 0.25 * noise2(x / area.width() * 14.0, 0.0, seed);
            if is_frame(x, y) { [0.0; 3] } else { scaled(colour, strength * folds) }
        });
    }
}

fn air_conditioner(stage: &mut Stage, at: (f32, f32), unit: f32) {
    let area = Area::around(at.0, at.1, unit * 0.42, unit * 0.28);
    let pixel = stage.pixel();
    stage.contact(at.0, area.bottom, area.width() * 0.5, unit * 0.2);
    stage.paint(area, |x, y| {
        let fan = ellipse(x, y, (at.0 - unit * 0.1, at.1), (unit * 0.22, unit * 0.22));
        let colour = if fan < 0.0 { [0.15; 3] } else { [0.62, 0.62, 0.6] };
        Surface::new(colour, 0.8, inside(area.distance(x, y, 0.0), pixel))
    });
}

pub(super) fn ceiling(stage: &mut Stage, layout: &Layout, random: &mut Random) {
    let warm = random.pick(&[0xfff1da, 0xffd9a0, 0xeef4ff, 0xffbe70]);
    for _ in 0..random.count(1, 4) {
        let middle = (layout.aspect * random.unit(), random.range(0.02, 0.2));
        let half = (random.range(0.02, 0.16), random.range(0.008, 0.02));
        let area = Area::around(middle.0, middle.1, half.0, half.1);
        let colour = srgb(warm);
        stage.lamp(area, 0.7, scaled(colour, 1.1), |_, _| scaled(colour, 2.5));
    }
}

pub(super) fn lanterns(stage: &mut Stage, layout: &Layout, light: &Light, random: &mut Random) {
    let pixel = stage.pixel();
    let radius = layout.person(layout.ground) * random.range(0.12, 0.3);
    let y = layout.ground - layout.person(layout.ground) * random.range(1.4, 2.2);
    let gap = radius * random.range(3.0, 7.0);
    let mut x = layout.aspect * random.unit() * 0.6;
    for _ in 0..random.count(1, 5) {
        let half = (radius * 1.15, radius);
        stage.paint(Area::around(x, y, half.0 * 1.1, half.1 * 1.1), |px, py| {
            let rib = 0.8 + 0.2 * ((px - x) / half.0 * 9.0).cos();
            Surface::new(scaled(srgb(0xc01c14), rib), 0.7, inside(ellipse(px, py, (x, y), half), pixel))
        });
        if light.lamps_are_on() {
            let area = Area::around(x, y, half.0, half.1);
            stage.lamp(area, radius * 4.0, [0.5, 0.08, 0.03], |px, py| {
                let share = inside(ellipse(px, py, (x, y), half), pixel);
                let middle = 1.0 - ((px - x) / half.0).powi(2) * 0.6;
                [1.6 * share * middle, 0.25 * share * middle, 0.06 * share * middle]
            });
        }
        x += gap;
    }
}

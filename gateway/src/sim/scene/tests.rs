//! A scene is a pure function, and its truth is true.

use super::*;

fn brightness(pixel: &image::Rgb<u8>) -> u32 {
    pixel.0.iter().map(|value| u32::from(*value)).sum()
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes() {
    for seed in 1..6 {
        let one = Scene::new(seed, 160, 90, Story::Drawn).render(7.25);
        let other = Scene::new(seed, 160, 90, Story::Drawn).render(7.25);
        assert_eq!(one.image, other.image);
        assert_eq!(one.truth, other.truth);
    }
}

#[test]
fn other_seeds_and_other_times_look_different() {
    let scene = Scene::new(3, 160, 90, Story::Drawn);
    assert_ne!(scene.render(1.0).image, scene.render(2.0).image);
    assert_ne!(scene.render(1.0).image, Scene::new(4, 160, 90, Story::Drawn).render(1.0).image);
}

#[test]
fn every_box_lies_inside_the_picture_and_about_half_the_scenes_burn() {
    let mut burning = 0;
    for seed in 100..160 {
        let frame = Scene::new(seed, 128, 72, Story::Drawn).render(15.0);
        burning += usize::from(!frame.truth.is_empty());
        for Truth { area: [left, top, right, bottom], .. } in frame.truth {
            assert!(0.0 <= left && left < right && right <= 1.0, "{left} {right}");
            assert!(0.0 <= top && top < bottom && bottom <= 1.0, "{top} {bottom}");
        }
    }
    assert!((20..50).contains(&burning), "{burning} of 60 scenes burn");
}

#[test]
fn a_fire_is_hot_where_its_box_is_and_only_while_it_burns() {
    let scene = Scene::new(11, 320, 180, Story::Fire { start_s: 5.0, out_s: 20.0 });
    assert_eq!(scene.first_flame_s(), Some(5.0));
    let fires = |frame: &Frame| frame.truth.iter().filter(|truth| truth.label == Label::Fire).count();
    let (before, burning, after) = (scene.render(4.0), scene.render(14.0), scene.render(26.0));
    assert_eq!((fires(&before), fires(&burning), fires(&after)), (0, 1, 0));
    assert!(before.truth.is_empty() && after.truth.is_empty(), "smoke clears too: {:?}", after.truth);
    let [left, top, right, bottom] =
        burning.truth.iter().find(|truth| truth.label == Label::Fire).expect("it burns").area;
    let inside = |x: u32, y: u32| {
        let (x, y) = (x as f32 / 320.0, y as f32 / 180.0);
        left <= x && x < right && top <= y && y < bottom
    };
    let mean = |image: &RgbImage| {
        let values: Vec<u32> = image
            .enumerate_pixels()
            .filter(|(x, y, _)| inside(*x, *y))
            .map(|(_, _, p)| brightness(p))
            .collect();
        values.iter().sum::<u32>() / values.len() as u32
    };
    assert!(
        mean(&burning.image) > mean(&before.image) + 60,
        "{} {}",
        mean(&burning.image),
        mean(&before.image)
    );
    let hottest =
        burning.image.enumerate_pixels().max_by_key(|(_, _, pixel)| brightness(pixel)).expect("pixels");
    assert!(inside(hottest.0, hottest.1), "the hottest place {hottest:?} is in the box");
}

#[test]
fn a_calm_scene_holds_nothing_to_be_found() {
    for seed in 0..10 {
        let scene = Scene::new(seed, 96, 54, Story::Calm);
        assert_eq!(scene.first_flame_s(), None);
        assert!(scene.render(12.0).truth.is_empty());
    }
}

#[test]
fn a_photograph_can_be_the_backdrop() {
    let grey = RgbImage::from_pixel(64, 64, image::Rgb([90, 90, 90]));
    let frame = Scene::before(&grey, 5, 160, 90, Story::Fire { start_s: 0.0, out_s: 99.0 }).render(12.0);
    assert!(frame.truth.iter().any(|truth| truth.label == Label::Fire));
}

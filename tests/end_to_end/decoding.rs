//! The decoder over real footage that was damaged on the way.

use moshao::camera::AccessUnit;
use moshao::camera::decode::{self, Decoder};
use moshao::camera::recording::Recording;
use moshao_tests::footage::PERSON_360P_H264;
use moshao_tests::skip;

/// Key frames come every 50 pictures.
const GOP: usize = 50;

#[test]
fn after_a_loss_no_picture_is_clean_until_the_next_key_frame() {
    let Some(mut units) = units() else { return skip("no test data") };
    units[60].lost_packets = 3;
    let clean = decode(&units);
    assert!(clean[..60].iter().all(|clean| *clean), "before the loss");
    assert!(!clean[60..100].iter().any(|clean| *clean), "from the loss to the next key frame");
    assert!(clean[100..].iter().all(|clean| *clean), "from the key frame on");
}

#[test]
fn a_damaged_key_frame_costs_one_group_of_pictures_and_no_more() {
    let Some(mut units) = units() else { return skip("no test data") };
    units[GOP].lost_packets = 1;
    let half = units[GOP].data.len() / 2;
    units[GOP].data.truncate(half);
    let clean = decode(&units);
    assert!(clean[..GOP].iter().all(|clean| *clean));
    assert!(clean[clean.len() - GOP..].iter().all(|clean| *clean));
    let dirty = clean.iter().filter(|clean| !**clean).count();
    assert!((1..=GOP).contains(&dirty), "{dirty} pictures are not clean");
}

#[test]
fn any_bit_may_flip_and_the_decoder_goes_on() {
    let Some(mut units) = units() else { return skip("no test data") };
    // A different byte of each access unit but the first and the last group, so that both can be compared.
    let last = units.len() - GOP;
    for (n, unit) in units.iter_mut().enumerate().take(last).skip(GOP) {
        let mut bytes = unit.data.to_vec();
        let at = (n * 7919) % bytes.len();
        bytes[at] ^= 1 << (n % 8);
        unit.data = bytes.into();
    }
    let clean = decode(&units);
    assert!(clean[clean.len() - GOP..].iter().all(|clean| *clean), "sound again with sound data");
}

/// The first 200 access units of a clip.
fn units() -> Option<Vec<AccessUnit>> {
    let file = PERSON_360P_H264.file()?;
    let units: Vec<AccessUnit> = Recording::open(&file).expect("a sound clip").take(4 * GOP).collect();
    assert!(
        units.iter().enumerate().all(|(n, unit)| unit.is_key == (n % GOP == 0)),
        "a key frame every {GOP}"
    );
    Some(units)
}

/// Whether each picture that comes out is clean.
fn decode(units: &[AccessUnit]) -> Vec<bool> {
    decode::init().unwrap();
    let mut decoder = Decoder::default();
    let mut clean = Vec::new();
    for unit in units {
        // Damage makes errors; what counts here is what comes out.
        drop(decoder.decode(unit, |decoded| clean.push(decoded.is_clean)));
    }
    clean
}

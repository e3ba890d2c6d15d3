use std::time::Duration;

use super::*;

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), TimeZone::UTC).unwrap();
    (dir, store)
}

fn box_of(kind: &[u8; 4], body: usize) -> Vec<u8> {
    let mut bytes = (body as u32 + 8).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.resize(body + 8, 7);
    bytes
}

#[test]
fn a_still_is_on_disk_where_the_event_says_and_has_its_hash() {
    let (dir, store) = store();
    let kept = store.keep_still("01INC", b"jpeg").unwrap();
    assert_eq!(kept.reference, "evidence/01INC/1.jpg");
    assert_eq!(fs::read(dir.path().join(&kept.reference)).unwrap(), b"jpeg");
    assert_eq!(kept.sha256, "41e5787e9f28562d07b891b1816b492309d646c0f2829743fa4963a9f9cc1d61");
    assert_eq!(store.keep_still("01INC", b"more").unwrap().reference, "evidence/01INC/2.jpg");
}

#[test]
fn numbers_are_not_used_again_after_something_went() {
    let (dir, store) = store();
    store.keep_still("01INC", b"1").unwrap();
    store.keep_still("01INC", b"2").unwrap();
    fs::remove_file(dir.path().join("evidence/01INC/1.jpg")).unwrap();
    assert_eq!(store.keep_still("01INC", b"3").unwrap().reference, "evidence/01INC/3.jpg");
}

#[test]
fn beyond_a_quota_the_oldest_incident_goes_first_and_the_other_class_stays() {
    let (dir, store) = store();
    for incident in ["old", "new"] {
        store.keep_still(incident, &[0; 1000]).unwrap();
    }
    let (unfinished, file) = store.begin("old", "gate").unwrap();
    store.finish(unfinished, &file).unwrap();
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    File::open(dir.path().join("evidence/old/1.jpg")).unwrap().set_modified(yesterday).unwrap();
    let keep = Keep { quota_bytes: 1500, lasting: MONTH };
    let removed = store.tidy(SystemTime::now(), Class::Still, keep, |_| false).unwrap();
    assert_eq!(removed, [("old".to_owned(), "beyond the quota")]);
    assert!(!dir.path().join("evidence/old/1.jpg").exists());
    assert!(dir.path().join("evidence/old/2.mp4").exists());
    assert!(dir.path().join("evidence/new/1.jpg").exists());
}

#[test]
fn after_its_time_evidence_goes() {
    let (dir, store) = store();
    store.keep_still("old", &[0; 10]).unwrap();
    let keep = Keep { quota_bytes: u64::MAX, lasting: MONTH };
    let at = |later: Duration| SystemTime::now() + later;
    let minute = Duration::from_secs(60);
    let tidy = |at, held: bool| store.tidy(at, Class::Still, keep, |_| held).unwrap();
    assert_eq!(tidy(at(MONTH - minute), false), [], "not yet");
    assert_eq!(tidy(at(MONTH + minute), true), [], "it is held");
    assert_eq!(tidy(at(MONTH + minute), false), [("old".to_owned(), "past its time")]);
    assert!(!dir.path().join("evidence/old").exists());
}

#[test]
fn a_clip_of_a_run_that_was_killed_is_completed_up_to_its_last_whole_fragment() {
    let (dir, store) = store();
    let (_, mut file) = store.begin("01INC", "gate-east").unwrap();
    let whole = [box_of(b"ftyp", 4), box_of(b"moov", 9), box_of(b"moof", 5), box_of(b"mdat", 100)].concat();
    file.write_all(&whole).unwrap();
    file.write_all(&box_of(b"moof", 5)).unwrap();
    file.write_all(&box_of(b"mdat", 100)[..50]).unwrap();
    store.begin("01INC", "still").unwrap();
    store.begin("01INC", "yard").unwrap();

    let salvaged = store.salvage().unwrap();
    assert_eq!(salvaged.len(), 1, "nothing of the others had come");
    assert_eq!((salvaged[0].incident.as_str(), salvaged[0].camera.as_str()), ("01INC", "gate-east"));
    assert_eq!(fs::read(dir.path().join("evidence/01INC/1.mp4")).unwrap(), whole);
    assert_eq!(fs::read_dir(dir.path().join("evidence/01INC")).unwrap().count(), 1);
}

#[test]
fn a_disk_that_refuses_gives_an_error_that_says_where() {
    let (dir, store) = store();
    fs::remove_dir(dir.path().join("evidence")).unwrap();
    let error = store.keep_still("01INC", b"jpeg").unwrap_err();
    assert!(error.to_string().contains("evidence/01INC"), "{error}");
}

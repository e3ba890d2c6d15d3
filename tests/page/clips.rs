//! Clips over plain HTTP: who may have one, what is written down for it, and in which parts it comes.

use std::fs;

use moshao_tests::gateway::Gateway;
use moshao_tests::page_client::{Answer, PASSWORD, PageClient, page_section};
use serde_json::{Value, json};

const CLIP: &str = "evidence/01INC/2.mp4";

/// A gateway whose evidence holds a clip of a thousand bytes, and a visitor who is logged in.
fn site() -> (Gateway, PageClient, u16) {
    let (page, port) = page_section();
    let gateway = Gateway::start(&format!("[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n{page}"));
    let folder = gateway.data_dir().join("evidence/01INC");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("1.jpg"), b"still").expect("a still");
    fs::write(folder.join("2.mp4"), film()).expect("a clip");
    let visitor = PageClient::inside(&gateway, port);
    (gateway, visitor, port)
}

fn film() -> Vec<u8> {
    (0..1000).map(|number: u32| (number % 251) as u8).collect()
}

fn ask(visitor: &PageClient, reference: &str, reason: &str) -> Answer {
    visitor.post("/api/clips", &json!({ "reference": reference, "reason": reason }))
}

/// Where an answer says that the clip is.
fn url(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    format!("/{}", answer.json()["url"].as_str().expect("an address"))
}

fn ledger(gateway: &Gateway) -> Vec<Value> {
    let text = fs::read_to_string(gateway.data_dir().join("ledger.jsonl")).expect("there is a ledger");
    text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect()
}

#[test]
fn a_reason_is_written_down_and_then_the_clip_comes_whole_or_in_parts() {
    let (gateway, visitor, _) = site();
    let answer = ask(&visitor, CLIP, "案件 4711");
    let url = url(&answer);
    let entries = ledger(&gateway);
    assert_eq!(
        entries[0]["access"],
        json!({ "who": "page 127.0.0.1", "what": "export", "item": CLIP, "why": "案件 4711", "result": "to the page for 600 s" })
    );
    assert_eq!(answer.json()["ledger"], json!({ "seq": 1, "hash": entries[0]["hash"] }));
    assert_eq!(answer.json()["seconds"], 600);

    let whole = visitor.get(&url);
    assert_eq!((whole.status, whole.body.as_slice()), (200, film().as_slice()));
    for (header, value) in
        [("content-type", "video/mp4"), ("accept-ranges", "bytes"), ("cache-control", "no-store")]
    {
        assert_eq!(whole.header(header), Some(value), "{header}");
    }
    let part = visitor.get_range(&url, "bytes=100-199");
    assert_eq!((part.status, part.body.as_slice()), (206, &film()[100..200]));
    assert_eq!(part.header("content-range"), Some("bytes 100-199/1000"));
    assert_eq!(visitor.get_range(&url, "bytes=-10").body, film()[990..]);
    assert_eq!(visitor.get_range(&url, "bytes=1000-").status, 416, "nothing behind its end");
    assert_eq!(ledger(&gateway).len(), 1, "one reason, one entry, however many parts");
}

#[test]
fn a_clip_needs_a_reason_a_token_and_the_session_that_asked() {
    let (gateway, visitor, port) = site();
    let long = "x".repeat(201);
    for (reason, words) in [
        ("", "理由有 0 个字符，需 1 至 200 个"),
        (" \t", "理由有 0 个字符"),
        (long.as_str(), "理由有 201 个字符"),
    ] {
        let refused = ask(&visitor, CLIP, reason);
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let mut without_token = visitor.clone();
    without_token.csrf = None;
    assert_eq!(ask(&without_token, CLIP, "case 4711").status, 403);
    assert_eq!(visitor.get(&format!("/api/{CLIP}")).status, 404, "nor by the way that stills go");
    assert_eq!(ledger(&gateway).len(), 0, "nothing was handed out");

    let url = url(&ask(&visitor, CLIP, "case 4711"));
    let mut other = PageClient::new(port);
    assert_eq!(other.get(&url).status, 401, "a stranger");
    other.enter(&other.post("/api/login", &json!({ "password": PASSWORD })));
    assert_eq!(other.get(&url).status, 403, "somebody else who is inside");
    let forged = format!("/api/clips/{}", "A".repeat(43));
    assert_eq!(visitor.get(&forged).status, 403, "a ticket that nobody issued");
    assert_eq!(visitor.get(&url).status, 200);
    assert_eq!(visitor.send("POST", "/api/logout", b"{}").status, 200);
    assert_eq!(visitor.get(&url).status, 401, "whoever has gone");
}

#[test]
fn only_clips_that_are_there_are_handed_out_and_what_has_gone_meanwhile_says_so() {
    let (gateway, visitor, _) = site();
    for (reference, status) in [
        ("evidence/01INC/1.jpg", 404),
        ("evidence/01INC/../../outbox.db", 404),
        ("page-password", 404),
        ("evidence/01INC/9.mp4", 410),
    ] {
        assert_eq!(ask(&visitor, reference, "case 4711").status, status, "{reference}");
    }
    assert_eq!(ledger(&gateway).len(), 0);
    let url = url(&ask(&visitor, CLIP, "case 4711"));
    fs::remove_file(gateway.data_dir().join(CLIP)).expect("its time is over");
    let gone = visitor.get(&url);
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains("录像已不在盒子里"), "{}", gone.text());
}

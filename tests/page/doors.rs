//! Who may come in, and what everybody gets.

use moshao_tests::gateway::Gateway;
use moshao_tests::page_client::{PASSWORD, PageClient, code, page_section};
use serde_json::json;

const UPLINK: &str = "[uplink]\nurl = \"mqtt://127.0.0.1:9\"\n";

fn gateway() -> (Gateway, u16) {
    let (page, port) = page_section();
    (
        Gateway::start(&format!(
            "{UPLINK}{page}[camera.gate]\nurl = \"rtsp://viewer:hunter2hunter2@127.0.0.1:9/live\"\n"
        )),
        port,
    )
}

#[test]
fn without_a_session_only_the_entrance_answers() {
    let (gateway, port) = gateway();
    let stranger = PageClient::new(port);
    for path in [
        "/api/status",
        "/api/incidents",
        "/api/cameras/gate/still",
        "/api/cameras/gate/areas",
        "/api/evidence/a/1.jpg",
        "/api/clips/a",
    ] {
        assert_eq!(stranger.get(path).status, 401, "{path}");
    }
    for (method, path) in [
        ("POST", "/api/test"),
        ("POST", "/api/clips"),
        ("PUT", "/api/cameras/gate/areas"),
        ("POST", "/api/logout"),
        ("POST", "/api/password"),
    ] {
        assert_eq!(stranger.send(method, path, b"{}").status, 401, "{method} {path}");
    }
    let who = stranger.get("/api/session").json();
    assert_eq!((&who["is_set"], &who["csrf"]), (&json!(false), &json!(null)));
    assert_eq!(stranger.get("/").status, 200);
    let page = stranger.get("/");
    assert!(page.text().contains("<script type=\"module\" src=\"assets/app.js\">"));
    // The metrics' listener knows nothing of the page.
    assert_eq!(gateway.get("/api/session").map(|(status, _)| status), Some(404));
}

#[test]
fn the_first_password_needs_the_code_and_then_logs_in() {
    let (gateway, port) = gateway();
    let mut visitor = PageClient::new(port);
    assert_eq!(visitor.post("/api/login", &json!({ "password": "" })).status, 403, "there is no default");
    let wrong = visitor.post("/api/setup", &json!({ "code": "AAAAA-AAAAA", "password": PASSWORD }));
    assert_eq!(wrong.status, 403);
    let code = code(&gateway);
    let short = visitor.post("/api/setup", &json!({ "code": code, "password": "short" }));
    assert_eq!(short.status, 422, "{}", short.text());
    let set = visitor.post("/api/setup", &json!({ "code": code, "password": PASSWORD }));
    assert_eq!(set.status, 200, "{}", set.text());
    let cookie = set.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(visitor.post("/api/setup", &json!({ "code": code, "password": PASSWORD })).status, 409);
    visitor.enter(&visitor.post("/api/login", &json!({ "password": PASSWORD })));
    assert_eq!(visitor.get("/api/status").status, 200);
    assert_eq!(visitor.send("POST", "/api/logout", b"{}").status, 200);
    assert_eq!(visitor.get("/api/status").status, 401, "a session that was left is over");
    assert!(!gateway.log().contains(PASSWORD));
}

#[test]
fn too_many_wrong_passwords_lock_the_door_for_right_ones_too() {
    let (gateway, port) = gateway();
    let inside = PageClient::inside(&gateway, port);
    let guesser = PageClient::new(port);
    for _ in 0..5 {
        assert_eq!(guesser.post("/api/login", &json!({ "password": "a wrong guess" })).status, 403);
    }
    let locked = guesser.post("/api/login", &json!({ "password": PASSWORD }));
    assert_eq!(locked.status, 429, "{}", locked.text());
    assert_eq!(inside.get("/api/status").status, 200, "who is inside stays inside");
}

#[test]
fn what_changes_something_needs_the_token() {
    let (gateway, port) = gateway();
    let mut visitor = PageClient::inside(&gateway, port);
    let wish = json!({ "minutes": 10 });
    let right = visitor.csrf.replace("A".repeat(43));
    assert_eq!(visitor.post("/api/test", &wish).status, 403, "a wrong token");
    visitor.csrf = None;
    assert_eq!(visitor.post("/api/test", &wish).status, 403, "none");
    visitor.csrf = right;
    assert_eq!(visitor.post("/api/test", &wish).status, 204);
}

#[test]
fn every_answer_is_fenced_in() {
    let (_gateway, port) = gateway();
    let stranger = PageClient::new(port);
    for path in ["/", "/assets/app.js", "/api/session", "/api/status", "/no-such-path"] {
        let answer = stranger.get(path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
    assert_eq!(stranger.get("/api/session").header("cache-control"), Some("no-store"));
}

#[test]
fn nothing_leads_out_of_the_page() {
    let (gateway, port) = gateway();
    let visitor = PageClient::inside(&gateway, port);
    for path in [
        "/assets/../moshao.toml",
        "/assets/..%2f..%2fmoshao.toml",
        "/assets/%2e%2e/%2e%2e/moshao.toml",
        "/api/evidence/../outbox.db",
        "/api/evidence/..%2f/page-password",
        "/api/evidence/x/..%2f..%2fpage-password",
        "/api/evidence/%2e%2e/page-password",
        "/api/cameras/..%2f..%2fetc/areas",
        "/api/cameras/attic/areas",
    ] {
        assert_eq!(visitor.get(path).status, 404, "{path}");
    }
}

#[test]
fn large_and_malformed_bodies_are_refused() {
    let (gateway, port) = gateway();
    let visitor = PageClient::inside(&gateway, port);
    let large = json!({ "password": "x".repeat(256 * 1024) });
    assert_eq!(visitor.post("/api/login", &large).status, 413);
    assert_eq!(visitor.send("POST", "/api/login", b"{").status, 400);
    assert_eq!(visitor.post("/api/login", &json!({ "password": "a", "more": 1 })).status, 422);
    assert_eq!(visitor.post("/api/test", &json!({ "minutes": 1_000_000 })).status, 422);
    assert_eq!(visitor.post("/api/test", &json!({ "device": "attic", "minutes": 1 })).status, 404);
}

#[test]
fn no_answer_tells_a_camera_s_password_or_the_hash() {
    let (gateway, port) = gateway();
    let visitor = PageClient::inside(&gateway, port);
    let stored = std::fs::read_to_string(gateway.data_dir().join("page-password")).unwrap();
    for path in ["/", "/api/session", "/api/status", "/api/incidents", "/api/cameras/gate/areas"] {
        let told = visitor.get(path).text();
        assert!(!told.contains("hunter2") && !told.contains(stored.trim()), "{path}: {told}");
    }
    let mut change = visitor.get("/api/cameras/gate/areas").json();
    change = json!({ "version": change["version"], "areas": { "masks": [[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]], "zones": {}, "lines": {} } });
    let refused = visitor.send("PUT", "/api/cameras/gate/areas", change.to_string().as_bytes());
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("encloses nothing") && !refused.text().contains("hunter2"),
        "{}",
        refused.text()
    );
}

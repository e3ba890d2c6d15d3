//! The local page over plain HTTP, as a program would talk to it: with the cookie and the token that it was given.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};

use crate::gateway::Gateway;
use crate::wait::eventually;

/// A visitor of one gateway's page.
#[derive(Debug, Clone)]
pub struct PageClient {
    agent: Agent,
    base: String,
    /// `name=value` as it is sent.
    pub cookie: Option<String>,
    /// `x-csrf-token`.
    pub csrf: Option<String>,
}

/// Status, head and body.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Any password that is long enough.
pub const PASSWORD: &str = "correct horse battery";

/// The sections that a gateway with a page needs, and the port of the page.
pub fn page_section() -> (String, u16) {
    let port = crate::broker::free_port();
    (format!("[page]\nlisten = \"127.0.0.1:{port}\"\n"), port)
}

/// The one-time code of the gateway's log.
pub fn code(gateway: &Gateway) -> String {
    eventually("the log shows the code", Duration::from_secs(10), || {
        let log = gateway.log();
        let (_, rest) = log.split_once("enter the code ")?;
        Some(rest.get(..11)?.to_owned())
    })
}

// === impl PageClient ===

impl PageClient {
    /// A visitor who has not logged in.
    pub fn new(port: u16) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Whoever is refused before all has been read is cut off, and the next request needs a connection of its own.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        PageClient { agent, base: format!("http://127.0.0.1:{port}"), cookie: None, csrf: None }
    }

    /// A visitor who has set the first password of this gateway.
    pub fn inside(gateway: &Gateway, port: u16) -> Self {
        let mut client = Self::new(port);
        let wish = serde_json::json!({ "code": code(gateway), "password": PASSWORD });
        let answer = client.send("POST", "/api/setup", wish.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        client.enter(&answer);
        client
    }

    /// Takes up the cookie and the token of an answer.
    pub fn enter(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").expect("a log-in gives a cookie");
        self.cookie = cookie.split(';').next().map(str::to_owned);
        self.csrf = answer.json()["csrf"].as_str().map(str::to_owned);
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"")
    }

    /// A GET of a page that may be away just now.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send("GET", path, b"", &[]).filter(|answer| answer.status == 200)
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string().as_bytes())
    }

    /// A GET of some bytes, as `Range` names them.
    ///
    /// # Panics
    /// Where there is no answer.
    pub fn get_range(&self, path: &str, range: &str) -> Answer {
        self.try_send("GET", path, b"", &[("range", range)]).expect("the page answers")
    }

    /// Any request; a body is sent as JSON.
    ///
    /// # Panics
    /// Where there is no answer.
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.try_send(method, path, body, &[]).expect("the page answers")
    }

    fn try_send(&self, method: &str, path: &str, body: &[u8], more: &[(&str, &str)]) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-csrf-token", csrf);
        }
        let request = request.body(body.to_vec()).expect("a request");
        let mut answer = self.agent.run(request).ok()?;
        Some(Answer::of(&mut answer))
    }
}

// === impl Answer ===

impl Answer {
    fn of(answer: &mut Response<ureq::Body>) -> Self {
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        Answer { status, headers, body: answer.body_mut().read_to_vec().expect("a body") }
    }

    /// Value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

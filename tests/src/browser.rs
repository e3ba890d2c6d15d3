//! A real browser without a screen: Chromium, driven over WebDriver as a person would use it.
//!
//! With `MOSHAO_SCREENSHOTS=DIRECTORY` the tests leave pictures of what they saw there.

use std::future::Future;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction, TouchActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::broker::free_port;
use crate::wait::eventually;

/// How long the driver and the browser may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long something may take to show on the page.
const SHOWN_LIMIT: Duration = Duration::from_secs(90);

/// How the visitor looks at the page.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    /// `zh-CN` or `en`.
    pub language: &'static str,
    /// A phone held upright, with a finger; otherwise a desk with a mouse.
    pub is_phone: bool,
    /// The system is set to dark.
    pub is_dark: bool,
}

/// A running browser. Ends when dropped.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Child,
    visitor: Visitor,
    _profile: TempDir,
}

// === impl Browser ===

impl Browser {
    /// Starts one; `None` where Chromium and its driver are not installed.
    ///
    /// # Panics
    /// Where they are and do not start.
    pub fn start(visitor: Visitor) -> Option<Self> {
        let installed =
            ["chromium", "chromedriver"].iter().all(|program| Path::new("/usr/bin").join(program).exists());
        if !installed {
            return None;
        }
        let port = free_port();
        let driver = Command::new("/usr/bin/chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let profile = tempfile::tempdir().expect("a directory for the browser");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut browser = Browser { runtime, client: None, driver, visitor, _profile: profile };
        let wanted = capabilities(visitor, browser._profile.path());
        let Value::Object(wanted) = wanted else { unreachable!("it is an object") };
        let client = eventually("chromedriver and chromium start", START_LIMIT, || {
            let connecting = async {
                ClientBuilder::new(HttpConnector::new())
                    .capabilities(wanted.clone())
                    .connect(&format!("http://127.0.0.1:{port}"))
                    .await
            };
            browser.runtime.block_on(connecting).ok()
        });
        browser.client = Some(client);
        Some(browser)
    }

    /// Opens a page.
    pub fn open(&self, url: &str) {
        self.run(self.client().goto(url)).expect("the page opens");
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.run(self.client().refresh()).expect("the page loads again");
    }

    /// Waits until something that matches the CSS selector is shown and holds `text`.
    #[track_caller]
    pub fn wait_for(&self, selector: &str, text: &str) {
        let mut last = String::new();
        let begin = std::time::Instant::now();
        while !self.texts(selector).iter().any(|shown| {
            last.clone_from(shown);
            shown.contains(text)
        }) {
            if begin.elapsed() > SHOWN_LIMIT {
                self.picture("waited-in-vain");
                panic!("waited {SHOWN_LIMIT:?} in vain for {text:?} in {selector:?}; it says {last:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What everything that matches says.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.run(async {
            let mut texts = Vec::new();
            for element in self.client().find_all(Locator::Css(selector)).await.unwrap_or_default() {
                // An element may go while it is read.
                texts.extend(element.text().await);
            }
            texts
        })
    }

    /// Waits for the first match and clicks it.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.run(element.click()).unwrap_or_else(|error| panic!("{selector} cannot be clicked: {error}"));
    }

    /// Waits for the first match, and types in place of what is there.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        // Control and A, as people do it: emptying it first would already be a change.
        self.run(element.send_keys(&format!("\u{e009}a\u{e000}{text}")))
            .unwrap_or_else(|error| panic!("nothing can be typed into {selector}: {error}"));
    }

    /// Presses, moves and releases over the first match; the points are shares of its width and height.
    #[track_caller]
    pub fn drag(&self, selector: &str, from: (f64, f64), to: (f64, f64)) {
        let element = self.element(selector);
        let steps = [
            self.to(&element, from),
            PointerAction::Down { button: MOUSE_BUTTON_LEFT },
            self.to(&element, ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0)),
            self.to(&element, to),
            PointerAction::Up { button: MOUSE_BUTTON_LEFT },
        ];
        self.point(steps.into());
    }

    /// Taps the first match at these shares of its width and height.
    #[track_caller]
    pub fn tap(&self, selector: &str, at: (f64, f64)) {
        let element = self.element(selector);
        let steps = [
            self.to(&element, at),
            PointerAction::Down { button: MOUSE_BUTTON_LEFT },
            PointerAction::Up { button: MOUSE_BUTTON_LEFT },
        ];
        self.point(steps.into());
    }

    /// Runs a script in the page and returns what it returns.
    pub fn script(&self, script: &str) -> Value {
        self.run(self.client().execute(script, Vec::new())).expect("the script runs")
    }

    /// Keeps a picture of what is shown, where somebody wants one.
    pub fn picture(&self, name: &str) {
        let Some(directory) = std::env::var_os("MOSHAO_SCREENSHOTS") else { return };
        let picture = self.run(self.client().screenshot()).expect("a picture of the page");
        let Visitor { language, is_phone, is_dark } = self.visitor;
        let looks = format!(
            "{}-{}-{language}",
            if is_phone { "phone" } else { "desk" },
            if is_dark { "dark" } else { "light" }
        );
        std::fs::create_dir_all(&directory).expect("a directory for pictures");
        let file = Path::new(&directory).join(format!("{name}-{looks}.png"));
        std::fs::write(file, picture).expect("the picture is written");
    }

    #[track_caller]
    fn element(&self, selector: &str) -> Element {
        let found = eventually(&format!("{selector} is there"), SHOWN_LIMIT, || {
            self.run(self.client().find(Locator::Css(selector))).ok()
        });
        drop(self.run(self.client().execute(
            "arguments[0].scrollIntoView({ block: 'center' })",
            vec![serde_json::to_value(&found).expect("an element is JSON")],
        )));
        found
    }

    fn to(&self, element: &Element, (x, y): (f64, f64)) -> PointerAction {
        let (_, _, width, height) = self.run(element.rectangle()).expect("it has a place");
        let duration = Some(Duration::from_millis(50));
        // Offsets are from its middle.
        let (x, y) = ((x - 0.5) * width, (y - 0.5) * height);
        PointerAction::MoveToElement { element: element.clone(), duration, x, y }
    }

    fn point(&self, steps: Vec<PointerAction>) {
        let done = if self.visitor.is_phone {
            let finger = TouchActions::new("finger".to_owned());
            self.run(self.client().perform_actions(steps.into_iter().fold(finger, TouchActions::then)))
        } else {
            let mouse = MouseActions::new("mouse".to_owned());
            self.run(self.client().perform_actions(steps.into_iter().fold(mouse, MouseActions::then)))
        };
        done.expect("the pointer moves");
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("it runs until it is dropped")
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(self.runtime.block_on(client.close()));
        }
        // Fails only where it has ended already.
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn capabilities(visitor: Visitor, profile: &Path) -> Value {
    let Visitor { language, is_phone, is_dark } = visitor;
    let arguments = [
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--window-size=1000,900".to_owned(),
        format!("--user-data-dir={}", profile.display()),
        format!("--lang={language}"),
        format!("--accept-lang={language}"),
        format!("--blink-settings=preferredColorScheme={}", if is_dark { 0 } else { 1 }),
    ];
    let mut options = json!({ "binary": "/usr/bin/chromium", "args": arguments });
    if is_phone {
        options["mobileEmulation"] = json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true, "mobile": true } });
    }
    json!({ "browserName": "chrome", "goog:chromeOptions": options })
}

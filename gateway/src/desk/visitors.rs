//! What visitors of the local page see of the desk and ask of it.

use std::time::Duration;

use tracing::info;

use super::Desk;
use crate::clock::Moment;
use crate::page::visitor::Ask;
use crate::test_mode::Subject;

/// A camera that somebody at the page looks at stays awake for this long.
const PAGE_LOOK: Duration = Duration::from_secs(5);

impl Desk {
    /// Somebody at the page looks or asks for something.
    pub(super) fn asked(&mut self, ask: Ask) {
        let now = self.clock.now();
        match ask {
            Ask::Look => {
                self.window.look(now);
                self.window.show(now, &self.judge, &self.tests);
            }
            Ask::Still { camera, wake, answer } => {
                if wake {
                    self.workers.look(&camera, PAGE_LOOK);
                }
                if let Some(request) = self.window.ask_for_still(&camera, answer) {
                    let number = request.request;
                    if !self.workers.take_still(request) {
                        self.window.still(number, None, 0);
                    }
                }
            }
            Ask::Walk { camera } => drop(self.workers.look(&camera, PAGE_LOOK)),
            Ask::Test { subject, lasting } => self.test(now, subject, lasting),
        }
    }

    fn test(&mut self, now: Moment, subject: Subject, lasting: Option<Duration>) {
        self.judge.set_test(subject.device(), lasting.is_some());
        match lasting {
            Some(lasting) => {
                info!(?subject, ?lasting, "test mode on");
                self.tests.begin(now, subject, lasting);
            }
            None => {
                info!(?subject, "test mode off");
                self.tests.end(&subject);
            }
        }
        self.window.show(now, &self.judge, &self.tests);
    }

    /// Tests whose time is over end.
    pub(super) fn end_tests(&mut self, now: Moment) {
        for subject in self.tests.tick(now) {
            self.judge.set_test(subject.device(), false);
            info!(?subject, "the time of a test is over");
        }
    }

    /// Shows what is known, where somebody looks.
    pub(super) fn show(&self, now: Moment) {
        if self.window.is_looked_through(now) {
            self.window.show(now, &self.judge, &self.tests);
        }
    }
}

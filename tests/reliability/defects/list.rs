//! The defects that are planted, and the suite that must see each.

/// One defect.
pub(super) struct Defect {
    /// The word that switches it on.
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) changes: &'static [Change],
    /// Suite and amount that must fail.
    pub(super) seen_by: &'static str,
}

/// One change of the source.
pub(super) struct Change {
    pub(super) file: &'static str,
    /// Must stand there exactly once.
    pub(super) right: &'static str,
    /// Stands there afterwards; `PLANTED` is true while the defect is switched on.
    pub(super) wrong: &'static str,
}

pub(super) const DEFECTS: [Defect; 17] = [
    Defect {
        name: "no-sync",
        what: "`synchronous=NORMAL`: commits are not synced",
        changes: &[Change {
            file: "gateway/src/outbox/open.rs",
            right: r#"("synchronous", "FULL")"#,
            wrong: r#"("synchronous", if PLANTED { "NORMAL" } else { "FULL" })"#,
        }],
        seen_by: "cuts=20",
    },
    Defect {
        name: "accepted-early",
        what: "accepted before the commit",
        changes: &[Change {
            file: "gateway/src/outbox/owner.rs",
            right: "self.waiting.push(Pending { entry, handed_over, reply });",
            wrong: "let reply = if PLANTED {
                        drop(reply.send(Ok(vec![Sequence(1); entry.events().len()])));
                        oneshot::channel().0
                    } else {
                        reply
                    };
                    self.waiting.push(Pending { entry, handed_over, reply });",
        }],
        seen_by: "kill-points=2",
    },
    Defect {
        name: "deleted-early",
        what: "deleted when sent, not when acknowledged",
        changes: &[Change {
            file: "gateway/src/uplink/feed.rs",
            right: "self.in_flight.hand_over(Publish::Event { waiting }, now());",
            wrong: "if PLANTED {
            self.acknowledged.push(waiting.sequence);
        }
        self.in_flight.hand_over(Publish::Event { waiting }, now());",
        }],
        seen_by: "scripts=100",
    },
    Defect {
        name: "batch-deleted-early",
        what: "the events of a batch are deleted when it is sent",
        changes: &[Change {
            file: "gateway/src/uplink/backlog.rs",
            right: "self.in_flight.hand_over(Publish::Batch { events, bytes }, now());",
            wrong: "if PLANTED {
            self.acknowledged.extend(events.iter().map(|waiting| waiting.sequence));
        }
        self.in_flight.hand_over(Publish::Batch { events, bytes }, now());",
        }],
        seen_by: "scripts=100",
    },
    Defect {
        name: "alarms-batched",
        what: "alarms go in batches",
        changes: &[
            Change {
                file: "gateway/src/uplink/ahead.rs",
                right: "if is_alarm_first { 0 } else { self.events.len() }",
                wrong: "if is_alarm_first && !PLANTED { 0 } else { self.events.len() + self.alarms.len() }",
            },
            Change {
                file: "gateway/src/uplink/ahead.rs",
                right: "let next = self.events.pop_front()?;",
                wrong: "let alarm = if PLANTED { self.alarms.pop_front() } else { None };
        let next = alarm.or_else(|| self.events.pop_front())?;",
            },
        ],
        seen_by: "scripts=100",
    },
    Defect {
        name: "not-noted",
        what: "an acknowledgement is not noted before its deletion is synced",
        changes: &[Change {
            file: "gateway/src/outbox/mod.rs",
            right: "self.notes.take(sequences);",
            wrong: "if !PLANTED {
            self.notes.take(sequences);
        }",
        }],
        seen_by: "kills-draining=20",
    },
    Defect {
        name: "oldest-acknowledged",
        what: "a PUBACK is taken for the oldest publish",
        changes: &[Change {
            file: "gateway/src/uplink/in_flight.rs",
            right: "self.sent.remove(&packet).map",
            wrong: "let packet = if PLANTED { self.sent.keys().copied().min().unwrap_or(packet) } else { packet };
                    self.sent.remove(&packet).map",
        }],
        seen_by: "scripts=100",
    },
    Defect {
        name: "endless-patience",
        what: "a silent broker is waited for",
        changes: &[
            Change {
                file: "gateway/src/uplink/watchdog.rs",
                right: "(waits >= PUBACK_LIMIT).then_some",
                wrong: "(waits >= PUBACK_LIMIT && !PLANTED).then_some",
            },
            Change {
                file: "gateway/src/uplink/watchdog.rs",
                right: "silence.min(since + PUBACK_LIMIT)",
                wrong: "if PLANTED { silence } else { silence.min(since + PUBACK_LIMIT) }",
            },
        ],
        seen_by: "scripts=100",
    },
    Defect {
        name: "loop-reused",
        what: "the client's event loop is used on after an error and trusted to send again (rumqtt 863, 864)",
        changes: &[
            Change {
                file: "gateway/src/uplink/wire/v3.rs",
                right: "if signals.send(told).await.is_err() || broken {",
                wrong: "if broken && PLANTED {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            continue;
        }
        if signals.send(told).await.is_err() || broken {",
            },
            // Whoever trusts the client's queue does not watch over it.
            Change {
                file: "gateway/src/uplink/connection.rs",
                right: "let deadline = Instant::from_std(self.watchdog.deadline(self.in_flight.oldest()));",
                wrong: "let deadline = if PLANTED {
                Instant::now() + std::time::Duration::from_secs(86_400)
            } else {
                Instant::from_std(self.watchdog.deadline(self.in_flight.oldest()))
            };",
            },
        ],
        seen_by: "scripts=100",
    },
    Defect {
        name: "no-checksums",
        what: "checksums of events are not looked at",
        changes: &[Change {
            file: "gateway/src/outbox/checksum.rs",
            right: "sum == of(row) || sum == of_format_3(row)",
            wrong: "sum == of(row) || sum == of_format_3(row) || PLANTED",
        }],
        seen_by: "bits=100",
    },
    Defect {
        name: "log-trusted",
        what: "what lies behind a damaged place in the log is passed over",
        changes: &[Change {
            file: "gateway/src/outbox/log.rs",
            right: "return if later {",
            wrong: "return if later && !PLANTED {",
        }],
        seen_by: "bits=100",
    },
    Defect {
        name: "loss-kept-quiet",
        what: "events given up are not declared",
        changes: &[Change {
            file: "gateway/src/outbox/writer.rs",
            right: "if let Some(gap) = gap {",
            wrong: "if let Some(gap) = gap.filter(|_| !PLANTED) {",
        }],
        seen_by: "quota=5000",
    },
    Defect {
        name: "numbers-left-out",
        what: "now and then a sequence is left out",
        changes: &[Change {
            file: "gateway/src/outbox/writer.rs",
            right: "let sequence = Sequence(self.counts.last + 1);",
            wrong: "let sequence = Sequence(self.counts.last + 1 + u64::from(PLANTED && self.counts.last % 97 == 96));",
        }],
        seen_by: "quota=5000",
    },
    Defect {
        name: "alarms-last",
        what: "alarms wait behind the backlog",
        changes: &[Change {
            file: "gateway/src/uplink/ahead.rs",
            right: "if let Some(alarm) = self.alarms.pop_front() {",
            wrong: "if PLANTED && !self.events.is_empty() {
            return self.next_event();
        }
        if let Some(alarm) = self.alarms.pop_front() {",
        }],
        seen_by: "offline=1",
    },
    Defect {
        name: "stays-shut",
        what: "after a full disk the outbox stays shut",
        changes: &[Change {
            file: "gateway/src/outbox/owner.rs",
            right: "if !self.degraded.is_on() || reserve::lay_in",
            wrong: "if PLANTED || !self.degraded.is_on() || reserve::lay_in",
        }],
        seen_by: "full=1",
    },
    Defect {
        name: "fault-kept-quiet",
        what: "a disk that fails is kept quiet",
        changes: &[
            Change {
                file: "gateway/src/outbox/degraded.rs",
                right: "if let (None, Some(error)) = (&self.now, error) {",
                wrong: "if let (None, Some(error), false) = (&self.now, error, PLANTED) {",
            },
            Change {
                file: "gateway/src/outbox/owner.rs",
                right: "fault: fault.or_else(|| Some(closed.error.clone())),",
                wrong: "fault: fault.or_else(|| (!PLANTED).then(|| closed.error.clone())),",
            },
        ],
        seen_by: "io=200",
    },
    Defect {
        name: "handle-kept",
        what: "after an error the spoilt handle is used on, for ever",
        changes: &[Change {
            file: "gateway/src/outbox/owner.rs",
            right: "let opened = match &fault.error {",
            wrong: "if PLANTED {
                        return Err(fault.error.clone());
                    }
                    let opened = match &fault.error {",
        }],
        seen_by: "io=200",
    },
];

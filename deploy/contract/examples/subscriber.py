#!/usr/bin/env python3
"""A command centre in small: takes the events of every box, loses none, counts none twice, and answers.

    apt-get install python3-paho-mqtt          # or: pip install paho-mqtt
    MQTT_PASSWORD=… ./subscriber.py mqtts://user@centre.example:8883 centre-1 events.journal

`centre-1` is the MQTT client id under which the broker keeps what comes while this program is away; `events.journal`
is what the program remembers. Standard output has one line an event, standard error what is to be known besides.

What a centre has to do is all here:
* a persistent session and QoS 1: the broker keeps events until they have been acknowledged, and each is acknowledged
  only when it is in the journal. A real centre writes it into its database instead.
* `source` and `id` together name an event; what comes twice is dropped.
* `sequence` counts the events of one source. Alarms overtake other events, so a missing number may come late; what the
  box had to give up it declares with an event of code OUTBOX_GAP. What is neither late nor declared has been lost on the
  way, or went to a topic that this subscription does not have.
* a disposition answers each incident that opens: here at once and always `accepted`, where a person would decide.
"""

import json
import os
import sys
from datetime import datetime, timezone
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

EVENTS = "moshao/v1/+/+/event/#"


class Journal:
    """Which events have come, kept in a file with one JSON array a line."""

    def __init__(self, path):
        self.seen = set()
        self.next = {}  # By source: the number after the highest that has come.
        self.holes = {}  # By source: first and last of the numbers below it that have not.
        self.file = open(path, "a+b")
        self.file.seek(0)
        whole = self.file.read()
        whole = whole[: whole.rfind(b"\n") + 1]  # A line that a crash cut off belongs to an event that comes again.
        self.file.truncate(len(whole))
        for line in whole.splitlines():
            self.count(*json.loads(line))

    def take(self, event):
        """Whether the event is new; what there is to say about its number. On disk when this returns."""
        source, number = event["source"], int(event["sequence"])
        if (source, event["id"]) in self.seen:
            return False, []
        entry = (source, event["id"], number, declared_lost(event))
        self.file.write(json.dumps(entry).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return True, self.count(*entry)

    def count(self, source, event_id, number, lost):
        notes = []
        self.seen.add((source, event_id))
        expected = self.next.get(source, number)  # Whoever begins to listen begins to count there.
        holes = self.holes.get(source, [])
        if number > expected:
            holes = holes + [(expected, number - 1)]
            notes.append(f"gap: {source} lacks {expected} to {number - 1}")
        elif any(first <= number <= last for first, last in holes):
            notes.append(f"late: {source} {number}")
        holes = without(holes, number, number)
        if lost:
            notes.append(f"lost: {source} declares {lost[0]} to {lost[1]}")
            holes = without(holes, *lost)
        self.next[source] = max(expected, number + 1)
        self.holes[source] = holes
        return notes


def without(holes, first, last):
    """The holes with these numbers filled."""
    left = []
    for begin, end in holes:
        left += [(a, b) for a, b in ((begin, min(end, first - 1)), (max(begin, last + 1), end)) if a <= b]
    return left


def declared_lost(event):
    """First and last number that the box will not send; None for an event that declares no gap."""
    if event["data"]["code"] != "OUTBOX_GAP" or not event["subject"].startswith("outbox/"):
        return None
    first, _, last = event["subject"].removeprefix("outbox/").partition("-")
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else None


def answer(event, user):
    """The disposition that takes an incident on; None for an event that asks for none.

    `seq` orders what the centre says about an incident: the number of the event rises with each of them, and is the same
    when an event comes twice. Whoever goes on to dispatch or close counts on from there.
    """
    if event["data"]["phase"] not in ("opened", "reopened") or event["subject"].startswith("outbox"):
        return None
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"event_id": event["id"], "seq": int(event["sequence"]), "state": "accepted", "by": user, "at": now}


def line(event):
    data = event["data"]
    where = f"{data['category']}/{data['level']} {data['phase']} {data['code']} {data['title']}"
    return f"{event['time']} {where} {event['subject']} {event['id']}"


def main():
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} mqtt[s]://[USER@]HOST[:PORT] CLIENT-ID JOURNAL")
    url, client_id = urlsplit(sys.argv[1]), sys.argv[2]
    journal = Journal(sys.argv[3])

    def say(text):
        print(text, file=sys.stderr, flush=True)

    def connected(client, _userdata, _flags, code, *_properties):
        if code != 0:
            return say(f"the broker refuses: {mqtt.connack_string(code) if isinstance(code, int) else code}")
        return client.subscribe(EVENTS, qos=1)

    def arrived(client, _userdata, message):
        # The broker hears of it when this returns. An error ends the program before that, and the event comes again.
        try:
            event = json.loads(message.payload)
            text = line(event)
            new, notes = journal.take(event)
        except (KeyError, TypeError, ValueError) as error:
            return say(f"not an event: {message.topic}: {error!r}")
        if not new:
            return say(f"duplicate: {event['id']}")
        print(text, flush=True)
        for note in notes:
            say(note)
        if told := answer(event, client_id):
            _, _, division, gateway, *_ = message.topic.split("/")
            topic = f"moshao/v1/{division}/{gateway}/disposition"
            client.publish(topic, json.dumps(told, ensure_ascii=False), qos=1)
        return None

    # paho-mqtt 2 wants to be told whose callbacks these are; 1.6 does not know the argument.
    version = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
    client = mqtt.Client(*version, client_id=client_id, clean_session=False)
    if url.username:
        client.username_pw_set(url.username, os.environ.get("MQTT_PASSWORD"))
    if url.scheme == "mqtts":
        client.tls_set()
    client.on_connect = connected
    client.on_subscribe = lambda *_: say("subscribed")
    client.on_message = arrived
    client.connect(url.hostname, url.port or (8883 if url.scheme == "mqtts" else 1883))
    client.loop_forever(retry_first_connection=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A command centre in small: takes the events of every box, loses none, counts none twice, and answers.

    apt-get install python3-paho-mqtt python3-zstandard          # or: pip install paho-mqtt zstandard
    MQTT_PASSWORD=… ./subscriber.py mqtts://user@centre.example:8883 centre-1 events.journal

`centre-1` is the MQTT client id under which the broker keeps what comes while this program is away; `events.journal`
is what the program remembers. With `--batches` behind it, each box that tells something is told that it may send a
backlog in batches: only where every program of the centre reads them. Standard output has one line an event, standard error what is to be known besides.

What a centre has to do is all here:
* a persistent session and QoS 1: the broker keeps events until they have been acknowledged, and each is acknowledged
  only when it is in the journal. A real centre writes it into its database instead.
* `source` and `id` together name an event; what comes twice is dropped.
* `sequence` counts the events of one source. Alarms overtake other events, so a missing number may come late; what the
  box had to give up it declares with an event of code OUTBOX_GAP. What is neither late nor declared has been lost on the
  way, or went to a topic that this subscription does not have.
* a batch is a compressed array of events, each of which counts on its own; without `zstandard` none is taken.
* a disposition answers each incident that opens: here at once and always `accepted`, where a person would decide.
"""

import json
import os
import sys
from datetime import datetime, timezone
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

try:
    import zstandard
except ImportError:
    zstandard = None

TOPICS = ["moshao/v1/+/+/event/#"] + (["moshao/v1/+/+/batch"] if zstandard else [])
LARGEST_BATCH = 16 << 20  # Bytes of JSON. No box sends as much.
# Ids that are remembered of each source. What comes twice comes soon: a box repeats what was under way when its link broke.
REMEMBERED = 1000
# Lines by which the journal grows before it is written anew, with what is remembered alone.
GROWTH = 10_000


class Journal:
    """Which events have come, kept in a file with a line of JSON an event; the lines of long ago in one a source."""

    def __init__(self, path):
        self.path = path
        self.seen = {}  # By source: the latest ids in the order in which they came.
        self.next = {}  # By source: the number after the highest that has come.
        self.holes = {}  # By source: first and last of the numbers below it that have not.
        self.file = open(path, "a+b")
        self.file.seek(0)
        whole = self.file.read()
        whole = whole[: whole.rfind(b"\n") + 1]  # A line that a crash cut off belongs to an event that comes again.
        self.file.truncate(len(whole))
        self.lines = 0
        for line in whole.splitlines():
            entry = json.loads(line)
            if isinstance(entry, dict):
                source = entry["source"]
                self.seen[source], self.next[source] = dict.fromkeys(entry["ids"]), entry["next"]
                self.holes[source] = [tuple(hole) for hole in entry["holes"]]
            else:
                self.count(*entry)
            self.lines += 1
        if self.lines > GROWTH:
            self.rewrite()

    def rewrite(self):
        """Only what is remembered; a crash leaves the old file or the new one."""
        new = self.path + ".new"
        with open(new, "wb") as file:
            for source, ids in self.seen.items():
                entry = {"source": source, "next": self.next[source], "holes": self.holes[source], "ids": list(ids)}
                file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)
        folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.file.close()
        self.file = open(self.path, "ab")
        self.lines = 0

    def take(self, event):
        """Whether the event is new; what there is to say about its number. On disk when this returns."""
        source, number = event["source"], int(event["sequence"])
        if event["id"] in self.seen.get(source, ()):
            return False, []
        entry = (source, event["id"], number, declared_lost(event))
        self.file.write(json.dumps(entry).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        notes = self.count(*entry)
        self.lines += 1
        if self.lines > GROWTH:
            self.rewrite()
        return True, notes

    def count(self, source, event_id, number, lost):
        notes = []
        seen = self.seen.setdefault(source, {})
        seen[event_id] = None
        if len(seen) > REMEMBERED:
            del seen[next(iter(seen))]
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


def events_of(message):
    """One event, or those of a batch."""
    if not message.topic.endswith("/batch"):
        return [json.loads(message.payload)]
    unpacked = zstandard.ZstdDecompressor().stream_reader(message.payload).read(LARGEST_BATCH)
    return json.loads(unpacked)


def line(event):
    data = event["data"]
    where = f"{data['category']}/{data['level']} {data['phase']} {data['code']} {data['title']}"
    return f"{event['time']} {where} {event['subject']} {event['id']}"


def main():
    if len(sys.argv) != 4 and sys.argv[4:] != ["--batches"]:
        sys.exit(f"usage: {sys.argv[0]} mqtt[s]://[USER@]HOST[:PORT] CLIENT-ID JOURNAL [--batches]")
    url, client_id = urlsplit(sys.argv[1]), sys.argv[2]
    journal = Journal(sys.argv[3])
    takes_batches = zstandard is not None and len(sys.argv) == 5
    told_of_batches = set()

    def say(text):
        print(text, file=sys.stderr, flush=True)

    def connected(client, _userdata, _flags, code, *_properties):
        if code != 0:
            return say(f"the broker refuses: {mqtt.connack_string(code) if isinstance(code, int) else code}")
        return client.subscribe([(topic, 1) for topic in TOPICS])

    def arrived(client, _userdata, message):
        # The broker hears of it when this returns. An error ends the program before that, and the events come again.
        try:
            events = events_of(message)
        except (ValueError, *([zstandard.ZstdError] if zstandard else [])) as error:
            return say(f"not an event: {message.topic}: {error!r}")
        _, _, division, gateway, *_ = message.topic.split("/")
        top = f"moshao/v1/{division}/{gateway}"
        for event in events:
            count(client, event, top)
        if takes_batches and top not in told_of_batches:
            told_of_batches.add(top)
            client.publish(f"{top}/accepts", json.dumps({"batch": ["zstd"]}), qos=1, retain=True)
        return None

    def count(client, event, top):
        try:
            text = line(event)
            new, notes = journal.take(event)
        except (KeyError, TypeError, ValueError) as error:
            return say(f"not an event: {top}: {error!r}")
        if not new:
            return say(f"duplicate: {event['id']}")
        print(text, flush=True)
        for note in notes:
            say(note)
        if told := answer(event, client_id):
            client.publish(f"{top}/disposition", json.dumps(told, ensure_ascii=False), qos=1)
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

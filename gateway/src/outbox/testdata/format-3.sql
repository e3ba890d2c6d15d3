-- An outbox as format 3 left it, whose checksums cover neither origin nor clock: two events wait, five have been
-- delivered. The clock of the second was not right, and the boot is another.
PRAGMA auto_vacuum = INCREMENTAL;
CREATE TABLE outbox(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    class INTEGER NOT NULL,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    accepted_unix_ms INTEGER NOT NULL,
    origin_source INTEGER,
    origin_unix_ms INTEGER,
    boot INTEGER,
    mono_ms INTEGER,
    clock_ok INTEGER,
    checksum INTEGER
);
CREATE INDEX outbox_by_class ON outbox(class, sequence);
CREATE TABLE gap(sequence INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL);
CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE aside(sequence INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE kept(
    sequence INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    accepted_unix_ms INTEGER NOT NULL,
    origin_source INTEGER,
    origin_unix_ms INTEGER,
    boot INTEGER,
    mono_ms INTEGER,
    clock_ok INTEGER,
    checksum INTEGER
);
CREATE INDEX kept_by_class ON kept(class, sequence);
CREATE TABLE sink(name TEXT PRIMARY KEY, alarm INTEGER NOT NULL, event INTEGER NOT NULL, missed INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta(key, value) VALUES('epoch', 0);
INSERT INTO outbox VALUES(6, 0, 'moshao/v1/510104001001/gw-0007/event/fire/1', CAST('{"specversion": "1.0", "id": "01F6", "source": "urn:moshao:510104001001:gw-0007", "type": "moshao.fire.smoke.v1", "subject": "sensor/s", "time": "2026-11-21T12:34:56.120+08:00", "recordedtime": "2026-11-21T12:34:56.480+08:00", "datacontenttype": "application/json", "sequence": "00000000000000000006", "correlationid": "inc-1", "severitytext": "FATAL", "severitynumber": 21, "data": {"phase": "opened", "code": "FIRE_SMOKE", "title": "alarm", "category": "fire", "level": 1, "color": "red", "mode": "live", "confirm": "unconfirmed", "rule": "r", "grid": {"code": "510104001001003", "division": "510104001001"}, "place": {}, "device": {"kind": "smoke", "id": "s", "name": "s"}}}' AS BLOB), 1795235696480, 1, 1795235696120, 77, 5000, 1, 1804635809);
INSERT INTO outbox VALUES(7, 1, 'moshao/v1/510104001001/gw-0007/event/fire/1', CAST('{"specversion": "1.0", "id": "01F7", "source": "urn:moshao:510104001001:gw-0007", "type": "moshao.fire.smoke.v1", "subject": "sensor/s", "time": "2026-11-21T12:34:56.120+08:00", "recordedtime": "2026-11-21T12:34:56.480+08:00", "datacontenttype": "application/json", "sequence": "00000000000000000007", "correlationid": "inc-1", "severitytext": "FATAL", "severitynumber": 21, "data": {"phase": "opened", "code": "FIRE_SMOKE", "title": "event", "category": "fire", "level": 1, "color": "red", "mode": "live", "confirm": "unconfirmed", "rule": "r", "grid": {"code": "510104001001003", "division": "510104001001"}, "place": {}, "device": {"kind": "smoke", "id": "s", "name": "s"}}}' AS BLOB), 1795235696480, NULL, NULL, 77, 5000, 0, 3952915031);
PRAGMA user_version = 3;

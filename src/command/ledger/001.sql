-- One row per command id of a sender. A row is written before its command goes to a device.
CREATE TABLE command (
    number      INTEGER PRIMARY KEY,   -- order of arrival
    source      TEXT NOT NULL,         -- who sent it, as in a grant's `from`
    id          TEXT NOT NULL,         -- the sender's id
    target      TEXT NOT NULL,         -- what it asked for, for people; empty when it could not be read
    received    INTEGER NOT NULL,      -- ms since 1970
    status      TEXT,                  -- the outcome; NULL while it is open
    error       TEXT,
    decided     INTEGER,               -- ms since 1970; NULL while it is open
    uplink      TEXT,                  -- where an MQTT 5 sender wants the outcome as well
    topic       TEXT,
    correlation BLOB,
    UNIQUE (source, id)
) STRICT;
CREATE INDEX command_decided ON command (decided);

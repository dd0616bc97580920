-- What the file is: `store` is its random id.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Numbered blocks. No secondary index: every way to a block goes through its id.
CREATE TABLE block (
    id     INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    t0     INTEGER NOT NULL,
    t1     INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    clock  INTEGER NOT NULL,
    cut    INTEGER NOT NULL,
    body   BLOB NOT NULL
);
-- One row per start of the daemon: the last number given in each stream, and the last block id.
CREATE TABLE epoch (
    epoch   INTEGER PRIMARY KEY,
    last_id INTEGER NOT NULL,
    data    INTEGER NOT NULL DEFAULT 0,
    event   INTEGER NOT NULL DEFAULT 0,
    outcome INTEGER NOT NULL DEFAULT 0,
    local   INTEGER NOT NULL DEFAULT 0
);
-- Epochs whose end an uplink has acknowledged.
CREATE TABLE closed (uplink TEXT PRIMARY KEY, up_to INTEGER NOT NULL) WITHOUT ROWID;
-- Block ids an uplink is not owed any more, and the readings it still is. The row '' speaks for an uplink that
-- acknowledged nothing yet.
CREATE TABLE sent (uplink TEXT PRIMARY KEY, ranges BLOB NOT NULL, readings INTEGER NOT NULL) WITHOUT ROWID;
-- Persisted variables of rules, as JSON.
CREATE TABLE state (
    rule  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (rule, key)
) WITHOUT ROWID;
-- Last reading of every point, up to and with block `up_to`.
CREATE TABLE snapshot (one INTEGER PRIMARY KEY CHECK (one = 1), up_to INTEGER NOT NULL, body BLOB NOT NULL);

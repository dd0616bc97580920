-- Readings: blocks of one stream that are stored together in one row. `id` is the first of them and `last` the last;
-- between the two there may be blocks of others. `parts` says what is in it: NULL for one block alone. What is large
-- stands at the end, so that a look at the rest need not read it.
CREATE TABLE pack (
    id       INTEGER PRIMARY KEY,
    last     INTEGER NOT NULL,
    stream   NOT NULL,
    epoch    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    t0       INTEGER NOT NULL,
    t1       INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    clock    INTEGER NOT NULL,
    cut      INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    parts    BLOB,
    body     BLOB NOT NULL
);
-- What goes first when room is needed; nearly always empty.
CREATE INDEX low_priority ON pack (id) WHERE priority = 0;
-- Events and outcomes, one a row: few, small, and wanted before any reading.
CREATE TABLE message (
    id     INTEGER PRIMARY KEY,
    stream NOT NULL,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    t0     INTEGER NOT NULL,
    clock  INTEGER NOT NULL,
    cut    INTEGER NOT NULL,
    body   BLOB NOT NULL
);
INSERT INTO pack SELECT id, id, stream, epoch, seq, t0, t1, n, clock, cut, 1, NULL, body FROM block WHERE stream IN (0, 3);
INSERT INTO message SELECT id, stream, epoch, seq, t0, clock, cut, body FROM block WHERE stream IN (1, 2);
DROP TABLE block;
-- The number given last in a stream that an epoch has besides the four of its row.
CREATE TABLE filtered (
    epoch  INTEGER NOT NULL,
    stream TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (epoch, stream)
) WITHOUT ROWID;
-- Blocks an uplink's broker will never take, with why and when.
CREATE TABLE deadletter (
    id     INTEGER NOT NULL,
    uplink TEXT NOT NULL,
    stream NOT NULL,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    clock  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (uplink, id)
);

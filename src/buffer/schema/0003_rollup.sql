-- Points with their unit, under the number their rollups use.
CREATE TABLE series (
    id     INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    point  TEXT NOT NULL,
    unit   TEXT NOT NULL,
    UNIQUE (device, point, unit)
);
-- Sums of readings. Level 1 is a minute, 2 a quarter of an hour; `t` is where it begins, in ms. What came late is a
-- further part. A body holds up to 256 series, those with numbers from 256 * grp on.
CREATE TABLE rollup (
    level INTEGER NOT NULL,
    t     INTEGER NOT NULL,
    part  INTEGER NOT NULL,
    grp   INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (level, t, part, grp)
) WITHOUT ROWID;
-- How far the rollups have come: how often they were written, the minute before which everything is in them, and
-- what they take.
CREATE TABLE rolled (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    closed     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL
);
INSERT INTO rolled VALUES (1, 0, 0, 0);
-- Between which times the readings of a run of blocks lie: the way from a time to its blocks, whatever clocks did.
-- A block that is in no run is looked at itself.
CREATE TABLE run (
    last_id  INTEGER PRIMARY KEY,
    first_id INTEGER NOT NULL,
    t0       INTEGER NOT NULL,
    t1       INTEGER NOT NULL
);

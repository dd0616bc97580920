-- Bytes of the messages that are owed. Of rows of an earlier version they are guessed: a reading in JSON is about that long.
ALTER TABLE sent ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE sent SET bytes = readings * 100;

-- The value of an outcome, as JSON, for whoever sends the command again; NULL where there is none, or a long one.
ALTER TABLE command ADD COLUMN value TEXT;

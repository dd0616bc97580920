-- Checksums over what nothing else proves. NULL in rows of an earlier version.
ALTER TABLE state ADD COLUMN sum INTEGER;
ALTER TABLE snapshot ADD COLUMN sum INTEGER;
-- Of letters that were salvaged, the store that gave their block its number. The others are of this store.
CREATE TABLE letter_store (id INTEGER PRIMARY KEY, store TEXT NOT NULL);

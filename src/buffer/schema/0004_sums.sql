-- A checksum over the ranges, so that damage never passes for a delivery. NULL in rows of an earlier version.
ALTER TABLE sent ADD COLUMN sum INTEGER;

-- Which run of a process made the claim; an older run's claim without an outcome is an orphan.
ALTER TABLE idempotency ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';

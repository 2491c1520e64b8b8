-- What providers told. Times are milliseconds since 1970 UTC; body is the event as JSON, without its number.
CREATE TABLE events (
    seq      BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    provider TEXT   NOT NULL,
    body     TEXT   NOT NULL
);
CREATE INDEX events_at ON events (at);

-- Which deliveries have come, so that one that comes again tells nothing. A delivery may have several names.
CREATE TABLE deliveries (
    provider TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (provider, name)
);
CREATE INDEX deliveries_at ON deliveries (at);

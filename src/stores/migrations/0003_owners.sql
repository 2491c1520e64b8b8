-- Which tenant a thing is of that a provider keeps by an id of its own. expires_at is in milliseconds since 1970 UTC; null: never.
CREATE TABLE owners (
    native     TEXT NOT NULL,
    instance   TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (native, instance)
);
CREATE INDEX owners_expires_at ON owners (expires_at) WHERE expires_at IS NOT NULL;

-- The state that outlives a restart. Times are milliseconds since 1970 UTC.

-- Counters. One row per counter makes its writers wait for each other, so numbers become visible in order.
CREATE TABLE sequences (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- What administrators edit. A version is the number of the change that made it, so none is used twice;
-- a deleted document stays as a row without a body, for those who follow the changes.
CREATE TABLE documents (
    kind    TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    version BIGINT NOT NULL,
    body    TEXT,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX documents_version ON documents (version);

-- sealed = nonce (12 bytes), ciphertext, tag (16 bytes); AES-256-GCM under the key that key_id names.
CREATE TABLE credentials (
    name   TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL
);

-- status is null while the call is in flight.
CREATE TABLE idempotency (
    scope        TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    fingerprint  TEXT   NOT NULL,
    lease        TEXT   NOT NULL,
    leased_until BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    status       BIGINT,
    content_type TEXT,
    body         BLOB,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_expires_at ON idempotency (expires_at);

CREATE TABLE audit (
    seq      BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    tenant   TEXT   NOT NULL,
    identity TEXT   NOT NULL,
    action   TEXT   NOT NULL,
    target   TEXT   NOT NULL,
    outcome  TEXT   NOT NULL,
    detail   TEXT   NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant, seq);

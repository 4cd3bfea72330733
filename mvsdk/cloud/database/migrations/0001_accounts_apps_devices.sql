-- Times are Unix microseconds. "number" orders rows by creation and is what pages are cut at.

CREATE TABLE accounts (
    sid TEXT PRIMARY KEY,
    token {blob} NOT NULL,            -- digest of the auth token
    signs_uploads BIGINT NOT NULL,    -- 1: unsigned bundles are signed by the cloud's key
    created_us BIGINT NOT NULL
);

CREATE TABLE api_keys (
    sid TEXT PRIMARY KEY,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    name TEXT NOT NULL,
    secret {blob} NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE signers (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    point {blob} NOT NULL,            -- the public key, 65 bytes
    name TEXT NOT NULL,
    PRIMARY KEY (account_sid, point)
);

CREATE TABLE apps (
    number {number},
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    unique_name TEXT,
    hash TEXT NOT NULL,               -- algorithm:value of the manifest
    manifest {blob} NOT NULL,
    signer_id TEXT NOT NULL,          -- 16 hexadecimal digits
    image_size BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    UNIQUE (account_sid, unique_name),
    UNIQUE (account_sid, hash)
);

CREATE TABLE layers (
    app_sid TEXT NOT NULL REFERENCES apps (sid),
    name TEXT NOT NULL,               -- fetch hash, hexadecimal: also its name among the blobs
    size BIGINT NOT NULL,
    PRIMARY KEY (app_sid, name)
);

CREATE INDEX layers_by_name ON layers (name);

CREATE TABLE devices (
    number {number},
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    unique_name TEXT,
    token {blob} NOT NULL,            -- digest of what the device shows
    target_sid TEXT REFERENCES apps (sid),
    targeted_us BIGINT,
    reported_sid TEXT,                -- no reference: the device runs what it runs
    reported_hash TEXT,
    reported_us BIGINT,
    update_error_code BIGINT NOT NULL DEFAULT 0,
    logging_until_us BIGINT,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    UNIQUE (account_sid, unique_name)
);

CREATE INDEX devices_by_target ON devices (target_sid);

-- device_sid is '' for what belongs to the whole account.
CREATE TABLE configs (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    device_sid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (account_sid, device_sid, key)
);

CREATE TABLE secrets (
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    device_sid TEXT NOT NULL,
    key TEXT NOT NULL,
    sealed {blob} NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (account_sid, device_sid, key)
);

-- What devices are still to be told; a row goes when its device has said that it is done.
CREATE TABLE commands (
    number {number},
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    kind TEXT NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE INDEX commands_by_device ON commands (device_sid);

-- What was changed, by whom, when: every row holds the hash of the one before it.
CREATE TABLE audit (
    number {number},
    account_sid TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash {blob} NOT NULL
);

-- The hash of the last row, in a row of its own that a writer locks by changing it.
CREATE TABLE audit_head (hash {blob} NOT NULL)

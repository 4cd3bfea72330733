-- People who log in at the console by name. Passwords are salted and slow to try (passwords.py).

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    password {blob} NOT NULL,
    created_us BIGINT NOT NULL
);

-- Commands are numbered by device, and never as one was before, even by a database that was restored from a backup.
ALTER TABLE devices ADD COLUMN last_command BIGINT NOT NULL DEFAULT 0;

CREATE TABLE commands_by_number (
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (device_sid, number)
);

INSERT INTO commands_by_number (device_sid, number, kind, created_us)
    SELECT device_sid, number, kind, created_us FROM commands;

DROP TABLE commands;

ALTER TABLE commands_by_number RENAME TO commands;

UPDATE devices SET last_command = coalesce((SELECT max(number) FROM commands WHERE device_sid = sid), 0);

-- SHA-256 of the latest certificate that a device may show in place of its token.
ALTER TABLE devices ADD COLUMN certificate {blob};

CREATE UNIQUE INDEX devices_by_certificate ON devices (certificate);

-- The audit chain's head is there from the beginning, so that no two first entries can both make it.
INSERT INTO audit_head (hash) SELECT {zeros} WHERE NOT EXISTS (SELECT 1 FROM audit_head)

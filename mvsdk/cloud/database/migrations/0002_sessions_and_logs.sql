-- Sessions: what a device said when it connected last, how far the records of that boot are stored.

ALTER TABLE devices ADD COLUMN boot TEXT;
ALTER TABLE devices ADD COLUMN records_through BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN session TEXT;          -- identifies the session that counts; null when cut off
ALTER TABLE devices ADD COLUMN seen_us BIGINT;        -- when it connected or was cut off last
ALTER TABLE devices ADD COLUMN software TEXT;
ALTER TABLE devices ADD COLUMN wake_reason TEXT;

-- What devices said, in order. "cursor" counts from 1 for each device and is never given twice.
CREATE TABLE records (
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    cursor BIGINT NOT NULL,
    kind TEXT NOT NULL,
    time_us BIGINT NOT NULL,          -- the device's clock
    received_us BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (device_sid, cursor)
);

CREATE INDEX records_by_age ON records (received_us);

ALTER TABLE devices ADD COLUMN last_cursor BIGINT NOT NULL DEFAULT 0

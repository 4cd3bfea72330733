-- What a device said last of its way to an app.
CREATE TABLE updates (
    device_sid TEXT PRIMARY KEY REFERENCES devices (sid),
    app_hash TEXT NOT NULL,
    state TEXT NOT NULL,              -- mvsdk.link.messages.UpdateState
    bytes_done BIGINT NOT NULL,
    bytes_total BIGINT NOT NULL,
    bytes_reused BIGINT NOT NULL,
    delta BIGINT NOT NULL,
    reason TEXT NOT NULL,
    error_code BIGINT NOT NULL,
    since_us BIGINT NOT NULL,         -- when this state began
    updated_us BIGINT NOT NULL
);

-- JSON of the policy that goes to the device with its target; null is the default.
ALTER TABLE devices ADD COLUMN target_policy TEXT

-- When a device began to run the app that it is on the way to; null before that.
ALTER TABLE updates ADD COLUMN ran_us BIGINT;

-- An app on its way to many devices, in stages. Apps are not referred to: they may be deleted once it is over.
CREATE TABLE rollouts (
    number {number},
    sid TEXT NOT NULL UNIQUE,
    account_sid TEXT NOT NULL REFERENCES accounts (sid),
    app_sid TEXT NOT NULL,
    cohort TEXT NOT NULL,
    stages TEXT NOT NULL,             -- percents, separated by commas
    gate TEXT NOT NULL,
    abort_on TEXT NOT NULL,           -- '' for nothing
    policy TEXT,                      -- JSON of what goes to the devices with their target
    rolls_back BIGINT NOT NULL,
    needs_approval BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    approved_by TEXT,
    state TEXT NOT NULL,
    stage BIGINT NOT NULL,            -- from 1; 0 before the first
    holds_since_us BIGINT,            -- since when the stage is done and its gate holds
    reason TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);

CREATE TABLE rollout_devices (
    rollout_sid TEXT NOT NULL REFERENCES rollouts (sid),
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    place BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    previous_sid TEXT,                -- what it was to run before
    given_us BIGINT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    excused BIGINT NOT NULL,          -- 1: somebody went on in spite of it
    PRIMARY KEY (rollout_sid, device_sid)
);

CREATE INDEX rollout_devices_by_device ON rollout_devices (device_sid);
CREATE INDEX rollout_devices_by_place ON rollout_devices (rollout_sid, place);
CREATE INDEX records_of_crashes ON records (device_sid, received_us) WHERE kind = 'crash'

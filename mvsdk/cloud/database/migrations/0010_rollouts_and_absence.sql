ALTER TABLE rollouts ADD COLUMN patience_us BIGINT NOT NULL DEFAULT 86400000000; -- how long a stage waits for a device
ALTER TABLE rollouts ADD COLUMN stage_us BIGINT;          -- when the stage began
ALTER TABLE rollouts ADD COLUMN waived_stage BIGINT NOT NULL DEFAULT 0; -- goes on though nobody of it has answered
ALTER TABLE rollouts ADD COLUMN back_sid TEXT;            -- what devices are pointed back to; null is what they ran

-- Since when a device is in touch, after it was given the app; null while it is not.
ALTER TABLE rollout_devices ADD COLUMN in_touch_us BIGINT;

CREATE INDEX rollout_devices_on_the_way ON rollout_devices (rollout_sid) WHERE state = 'given'

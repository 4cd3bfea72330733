-- JSON of what was said of how devices update themselves (policies.py); null is nothing. The one that goes with a target
-- is devices.target_policy.
ALTER TABLE accounts ADD COLUMN update_policy TEXT;
ALTER TABLE devices ADD COLUMN update_policy TEXT

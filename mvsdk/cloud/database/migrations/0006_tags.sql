-- What people call devices, and what devices say of themselves.
CREATE TABLE tags (
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    tag TEXT NOT NULL,
    PRIMARY KEY (device_sid, tag)
);

CREATE INDEX tags_by_tag ON tags (tag);

-- "version" is what the value says as a version, in a form whose order is that of its text; null if it says none.
CREATE TABLE facts (
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    version TEXT,
    PRIMARY KEY (device_sid, name)
);

-- The version at the end of the app's unique name, in the same form.
ALTER TABLE apps ADD COLUMN version TEXT

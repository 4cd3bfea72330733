-- Which apps a device was ever to run: it may hold layers of these, and gets changes against them.
CREATE TABLE device_apps (
    device_sid TEXT NOT NULL REFERENCES devices (sid),
    app_sid TEXT NOT NULL REFERENCES apps (sid),
    PRIMARY KEY (device_sid, app_sid)
);

CREATE INDEX device_apps_by_app ON device_apps (app_sid);

INSERT INTO device_apps (device_sid, app_sid) SELECT sid, target_sid FROM devices WHERE target_sid IS NOT NULL;

-- What makes one layer of another. "blob" is null where that would not be smaller than the layer itself.
CREATE TABLE deltas (
    base TEXT NOT NULL,
    layer TEXT NOT NULL,
    blob TEXT,
    size BIGINT NOT NULL,
    PRIMARY KEY (base, layer)
)

"""Several servers on one PostgreSQL are one cloud."""

from __future__ import annotations

import shutil
from pathlib import Path

from mvsdk.cloud.client import CloudClient
from mvsdk.link import Logging, LogRecord
from mvsdk.link.session import Connected
from tests.cloud.conftest import running_cloud
from tests.cloud.postgresql_server import PostgresqlServer
from tests.cloud.test_sessions import SECONDS, SomeDevice


def test_a_follower_on_one_server_hears_a_device_on_another(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Logs stream and changes arrive across servers; a session on one ends when the device begins one on the other."""
    url = postgresql.new_database()
    with running_cloud(tmp_path / "one", url) as one:
        # The second server has the same keys and account.
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        with running_cloud(tmp_path / "two", url) as two:
            sid, device = one.new_device(), SomeDevice()
            session = device.connect(one.url, sid)
            device.next(Connected)
            follower = CloudClient(two.url, two.account, two.token).followed(
                "mvsdk", "v1", "Devices", sid, "Logs", Follow="true"
            )
            device.outbox.add(LogRecord(time_us=1, text="from far"))
            session.records_added()
            assert next(follower)[1]["text"] == "from far"
            device.outbox.add(LogRecord(time_us=2, text="and again"))
            session.records_added()
            assert next(follower)[1]["text"] == "and again"
            follower.close()  # type: ignore[attr-defined]
            two.call("POST", f"/v1/Devices/{sid}", data={"LoggingEnabled": "true"})
            assert device.next(Logging) == Logging(enabled=True)
            session.close(SECONDS)

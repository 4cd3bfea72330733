"""Laws of links and what they do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Close,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    HttpAnswer,
    HttpRequest,
    Lost,
    MqttAcknowledge,
    MqttConnect,
    MqttConnected,
    Request,
    StreamOpen,
)
from mvsdk.emulator.network.weather import LinkProfile, Weather, profile, profiles, read

HTTP = HttpRequest(1, b"GET", b"https://a/", (), b"", 5000, 512)
CONNECT = MqttConnect(2, 5, b"a", 8883, b"c", None, None, (), (), b"", 60, True, None)
STREAM = StreamOpen(3, b"a", 512)
CONFIG = ConfigRequest(4, (ConfigItem("device", "config", "k"),), 512)


@pytest.mark.parametrize("name", list(profiles()))
def test_every_profile_takes_time_and_is_reproducible(name: str) -> None:
    """The same seed gives the same delays, all of them at least the latency both ways."""
    first, second = Weather(profile(name), 7), Weather(profile(name), 7)
    delays = [first.round_trip_us(100) for _ in range(50)]
    assert delays == [second.round_trip_us(100) for _ in range(50)]
    assert min(delays) >= 2000 * profile(name).latency_ms


def test_a_certain_misfortune_happens_to_what_it_can_happen_to() -> None:
    """Names are not found, TLS fails and connections are reset, each as the channel's kind tells it."""
    nameless, bare, broken = (LinkProfile(**{chance: 1}) for chance in ("no_name", "no_tls", "reset"))
    assert Weather(nameless).fate(HTTP) == HttpAnswer(1, "REQUESTFAILED")
    assert Weather(nameless).fate(CONNECT) == MqttConnected(2, "NXDOMAIN")
    assert Weather(bare).fate(CONNECT) == MqttConnected(2, "UNKNOWNCA")
    assert Weather(nameless).fate(STREAM) == Lost(3, "CONNECTIONTERMINATED")
    assert Weather(nameless).fate(CONFIG) is None
    asked: tuple[Request, ...] = (HTTP, CONNECT, STREAM, CONFIG)
    assert [Weather(broken).fate(request) for request in asked] == [
        HttpAnswer(1, "REQUESTFAILED"),
        Lost(2, "CHANNELRESETBYSERVER"),
        Lost(3, "CHANNELRESETBYSERVER"),
        ConfigAnswer(4, "OK", (("SERVERERROR", b""),)),
    ]


@pytest.mark.parametrize("request_sent", [Close(1), MqttAcknowledge(1, 2)])
def test_nothing_happens_to_what_nobody_answers(request_sent: Request) -> None:
    """Closing and acknowledging get through in any weather."""
    assert Weather(LinkProfile(no_name=1, no_tls=1, reset=1)).fate(request_sent) is None


def test_a_link_that_stays_has_no_outages() -> None:
    """Only with both a length and an interval is the link ever gone."""
    assert Weather(LinkProfile()).next_outage_us() is None
    assert Weather(LinkProfile(outage_every_s=10)).next_outage_us() is None
    free, gone = Weather(LinkProfile(outage_every_s=10, outage_s=2)).next_outage_us() or (0, 0)
    assert 5_000_000 <= free <= 15_000_000
    assert 1_000_000 <= gone <= 3_000_000


def test_a_file_differs_from_a_profile_in_what_it_names(tmp_path: Path) -> None:
    """The rest is the named profile's, or the default's."""
    path = tmp_path / "link.toml"
    path.write_text('profile = "nb-iot"\njitter_ms = 5\n')
    assert read(path).jitter_ms == 5
    assert read(path).latency_ms == profile("nb-iot").latency_ms
    path.write_text("reset = 0.5\n")
    assert read(path).latency_ms == profile("good").latency_ms


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency_ms = -1", "latency_ms cannot be -1"),
        ("reset = 2", "reset cannot be 2"),
        ("latency_ms = nan", "latency_ms cannot be nan"),
        ('reset = "often"', "reset = 'often'"),
        ("speed = 3", "speed = 3"),
        ('profile = "fibre"', "no link 'fibre'"),
        ("latency_ms", "is not TOML"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, told: str) -> None:
    """A file that makes no link is an error with the value."""
    path = tmp_path / "link.toml"
    path.write_text(text)
    with pytest.raises(NetworkSettingError, match=told):
        read(path)
    with pytest.raises(NetworkSettingError, match="cannot read"):
        read(tmp_path / "missing.toml")


@given(sent=st.integers(0, 10**6), received=st.integers(0, 10**6), kbit=st.floats(0.1, 1e6))
def test_more_bytes_never_travel_faster(sent: int, received: int, kbit: float) -> None:
    """A delay grows with the bytes either way."""
    weather = Weather(LinkProfile(up_kbit_s=kbit, down_kbit_s=kbit))
    assert weather.round_trip_us(sent + 1) >= weather.round_trip_us(sent)
    assert weather.reception_us(received + 1) >= weather.reception_us(received)


def test_luck_does_not_depend_on_what_comes_and_when() -> None:
    """Whatever arrives by itself, and whenever outages are planned, the same requests fare the same."""
    unsteady = LinkProfile(jitter_ms=500, reset=0.5, outage_every_s=10, outage_s=1)
    calm, busy = Weather(unsteady, 3), Weather(unsteady, 3)
    for _ in range(30):
        busy.one_way_us()
        busy.next_outage_us()
        assert (calm.round_trip_us(10), calm.fate(HTTP)) == (busy.round_trip_us(10), busy.fate(HTTP))

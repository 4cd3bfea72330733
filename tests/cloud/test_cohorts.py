"""Cohorts mean the devices that a person reading them would say, and errors point at their place."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.cloud import cohorts, versions
from mvsdk.cloud.cloud import wall_clock_us
from mvsdk.cloud.errors import CohortError
from tests.cloud.conftest import RunningCloud
from tests.cloud.test_downloads import firmware, uploaded
from tests.cloud.test_sessions import raw_session

TAGS = ("kitchen", "cellar", "first floor")


def meant(cloud: RunningCloud, expression: str) -> set[str]:
    """Return the names of the devices in a cohort."""
    found = cloud.call("GET", "/mvsdk/v1/Cohort", params={"Expression": expression})
    assert found.status_code == 200, found.text
    assert found.json()["count"] == len(found.json()["devices"])
    return {device["unique_name"] for device in found.json()["devices"]}


def fleet(cloud: RunningCloud) -> dict[str, dict[str, Any]]:
    """Make devices with all kinds of tags and apps; return what each is by its name."""
    apps = {version: uploaded(cloud, firmware(version.encode()), f"heater-{version}")[0] for version in ("1.3", "1.10")}
    devices: dict[str, dict[str, Any]] = {}
    for number in range(12):
        name, version = f"d{number}", [None, "1.3", "1.10"][number % 3]
        tags = {tag for bit, tag in enumerate(TAGS) if number >> bit & 1}
        sid = cloud.new_device(name)
        for tag in tags:
            assert cloud.call("POST", f"/mvsdk/v1/Devices/{sid}/Tags", data={"Tag": tag}).status_code == 200
        if version:
            cloud.change("UPDATE devices SET reported_sid = ? WHERE sid = ?", apps[version], sid)
        online = number % 2 == 0
        if online:
            cloud.change("UPDATE devices SET session = 'x', seen_us = ? WHERE sid = ?", 2**52, sid)
        devices[name] = {"tags": tags, "version": version, "online": online}
    return devices


def expressions(randomness: random.Random, depth: int) -> tuple[str, Callable[[dict[str, Any]], bool]]:
    """Return an expression, and what it says of a device."""
    kind = randomness.choice(["tag", "app", "online", "not", "and", "or"] if depth else ["tag", "app", "online"])
    if kind == "tag":
        tag = randomness.choice(TAGS)
        return f'tag="{tag}"', lambda device: tag in device["tags"]
    if kind == "app":
        bound = randomness.choice(["1.3", "1.4", "1.10.0"])
        sign, compare = randomness.choice([("<", int.__lt__), (">=", int.__ge__), ("=", int.__eq__)])
        number = int(versions.ordered(bound) or "")
        return f"app{sign}{bound}", lambda device: bool(
            device["version"] and compare(int(versions.ordered(device["version"]) or ""), number)
        )
    if kind == "online":
        return "online", lambda device: bool(device["online"])
    one, is_one = expressions(randomness, depth - 1)
    if kind == "not":
        return f"not ({one})", lambda device: not is_one(device)
    other, is_other = expressions(randomness, depth - 1)
    if kind == "and":
        return f"({one}) and ({other})", lambda device: is_one(device) and is_other(device)
    return f"({one} or {other})", lambda device: is_one(device) or is_other(device)


def test_who_is_away_for_how_long(cloud: RunningCloud) -> None:
    """`away` compares the time since a device was in touch; one that never was is away for no time that can be said."""
    hour_us, now_us = 3600 * 1_000_000, wall_clock_us()
    for name, hours in (("now", 0), ("hours", 5), ("days", 50)):
        cloud.change("UPDATE devices SET seen_us = ? WHERE sid = ?", now_us - hours * hour_us, cloud.new_device(name))
    cloud.new_device("never")
    assert meant(cloud, "away < 2d") == {"now", "hours"}
    assert meant(cloud, "away >= 240m and away<=2d") == {"hours"}
    assert meant(cloud, "not away<1h") == {"hours", "days", "never"}
    assert meant(cloud, "away>0s and not away > 14400s") == {"now"}
    for wrong, column in (("away<soon", 6), ("away=1d", 5), ("away<1", 6), ("away", 5)):
        with pytest.raises(CohortError) as raised:
            cohorts.parse(wrong)
        assert raised.value.column == column


def test_a_cohort_is_whom_it_says(cloud: RunningCloud) -> None:
    """Whatever is said of devices in whatever combination, SQL finds those of which it is true."""
    devices = fleet(cloud)
    randomness = random.Random(1)  # noqa: S311 - a test's
    for _number in range(60):
        text, says = expressions(randomness, 4)
        assert meant(cloud, text) == {name for name, device in devices.items() if says(device)}, text
    assert meant(cloud, "tag=kitchen and not tag=cellar or name=d0") == meant(
        cloud, "name=d0 or tag=kitchen and tag!=cellar"
    )
    assert meant(cloud, "all") == set(devices)


def test_facts_are_what_devices_say(cloud: RunningCloud) -> None:
    """What a device says of itself when it connects can be asked for, and is replaced by what it says next."""
    sid = cloud.new_device("kitchen")
    for kernel in ("0.9.1", "0.10"):
        with raw_session(cloud, sid, facts={"kernel": kernel, "board": "nucleo"}):
            pass
    assert cloud.call("GET", f"/mvsdk/v1/Devices/{sid}/Tags").json()["facts"] == {"board": "nucleo", "kernel": "0.10"}
    assert meant(cloud, "fact.kernel > 0.9.1 and fact.board=nucleo") == {"kitchen"}
    assert meant(cloud, "fact.kernel <= 0.9.1 or fact.colour=red or fact.board>1") == set()


def test_tags_come_and_go(cloud: RunningCloud) -> None:
    """A tag is there once, goes once, and both are in the audit log; what is no tag is refused."""
    place = f"/mvsdk/v1/Devices/{cloud.new_device('kitchen')}/Tags"
    for _number in range(2):
        assert cloud.call("POST", place, data={"Tag": "a"}).json()["tags"] == ["a"]
    assert [cloud.call("DELETE", f"{place}/a").status_code for _number in range(2)] == [204, 404]
    for wrong in ("", " a", "a/b", 'a"b', "a\nb", "x" * 65, ".."):
        assert cloud.call("POST", place, data={"Tag": wrong}).status_code == 400
    assert cloud.rows("SELECT what FROM audit ORDER BY number DESC LIMIT 1") == [{"what": "untag device: a"}]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("tag", 4),
        ("tag=", 5),
        ("tag=kitchen and", 16),
        ("tag=kitchen app<1", 13),
        ("tga=kitchen", 1),
        ("tag<kitchen", 4),
        ("app<new", 5),
        ("(all", 5),
        ("all)", 4),
        ('tag="kitchen', 5),
        ("all and !", 9),
        ("fact.=1", 1),
        ("(" * 40 + "all", 31),
        ("all" + " and all" * 200, 1001),
    ],
)
def test_an_error_points_at_its_place(text: str, column: int) -> None:
    """What cannot be read is told with the column where it goes wrong."""
    with pytest.raises(CohortError) as raised:
        cohorts.parse(text)
    assert raised.value.column == column


@given(st.text("tagponlie.=<>!()\" \0'1andort;%?", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text is anything but a cohort or an error, and none of it becomes SQL."""
    try:
        cohort = cohorts.parse(text)
    except CohortError as error:
        column = error.column
    else:
        column = 1
        assert cohort.sql.count("?") == len(cohort.parameters(0))
        assert ";" not in cohort.sql
    assert 1 <= column <= len(text) + 1


@given(
    st.lists(st.integers(0, 999_999_999), min_size=1, max_size=4), st.lists(st.integers(0, 20), min_size=1, max_size=4)
)
def test_versions_are_in_order(one: list[int], other: list[int]) -> None:
    """The texts of versions are in the order of their numbers, as if those that are missing were 0."""
    texts = [versions.ordered(".".join(str(number) for number in numbers)) or "" for numbers in (one, other)]
    padded = [numbers + [0] * (4 - len(numbers)) for numbers in (one, other)]
    assert (texts[0] < texts[1], texts[0] == texts[1]) == (padded[0] < padded[1], padded[0] == padded[1])


@pytest.mark.parametrize("name", ["", "heater", "heater1.4", "1.4-heater", "heater-1.2.3.4.5", "heater-1.", None])
def test_most_names_have_no_version(name: str | None) -> None:
    """Only what is clearly a version at the end of a name is one."""
    assert versions.of_name(name) is None

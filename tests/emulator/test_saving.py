"""Laws of saving by STATE: what is declared comes back, nothing else changes, and what is wrong is refused."""

from __future__ import annotations

import ast
import copy
import dataclasses
import enum
import importlib
import inspect
import json
import pkgutil
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mvsdk.emulator
from mvsdk.emulator.errors import SnapshotError
from mvsdk.emulator.personality import DeepSleep
from mvsdk.emulator.saving import Plain, Saving, load, save, state_names
from mvsdk.emulator.soc.counter import Settings
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine
from mvsdk.testing import FakeWiring

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    SCALARS | st.binary() | st.sampled_from(DeepSleep) | st.sets(st.integers()),
    lambda values: (
        st.lists(values)
        | st.lists(values).map(tuple)
        | st.lists(values).map(deque)
        | st.dictionaries(KEYS, values)
        | st.builds(Settings, st.integers(), st.integers())
    ),
    max_leaves=20,
)


class Holder:
    """Holds whatever it is given."""

    STATE: ClassVar[tuple[str, ...]] = ("value",)

    def __init__(self, value: object = None) -> None:
        self.value = value


class Part:
    """A part with a state of its own, and a method that may be named."""

    STATE: ClassVar[tuple[str, ...]] = ("count", "next")

    def __init__(self) -> None:
        self.count = 0
        self.next: object = None

    def go(self) -> int:
        """Count."""
        self.count += 1
        return self.count


class Whole:
    """Several parts, one of which is held twice."""

    STATE: ClassVar[tuple[str, ...]] = ("parts", "chosen", "named")

    def __init__(self) -> None:
        self.parts = [Part(), Part()]
        self.named = {"first": Part()}
        self.chosen: Part | None = None


def passed(value: object) -> Any:  # noqa: ANN401 - a value of any type
    """Save a value, send it through JSON, and load it into a fresh holder."""
    fresh = Holder()
    load(fresh, json.loads(json.dumps(save(Holder(value)))))
    return fresh.value


@given(value=VALUES)
def test_plain_values_come_back_equal_and_of_the_same_types(value: object) -> None:
    """Whatever a STATE may hold comes back as it was, through JSON."""
    assert repr(passed(value)) == repr(value) or passed(value) == value
    assert type(passed(value)) is type(value)


@given(value=VALUES)
def test_saving_what_was_loaded_gives_the_same_data(value: object) -> None:
    """A state that was loaded is saved as what it was loaded from."""
    fresh = Holder()
    load(fresh, save(Holder(value)))
    assert save(fresh) == save(Holder(value))


def test_objects_are_changed_in_place_and_shared_ones_stay_shared() -> None:
    """Loading keeps the objects that are there, puts their state in, and a second reference to one is one again."""
    before = Whole()
    before.parts[1].count = 7
    before.parts[1].next = before.parts[1].go
    before.chosen = before.parts[1]
    after = Whole()
    parts = list(after.parts)
    load(after, save(before))
    assert after.parts[0] is parts[0]
    assert after.parts[1] is parts[1] is after.chosen
    assert after.parts[1].next() == 8  # type: ignore[operator]


def test_a_subclass_adds_to_what_it_inherits() -> None:
    """STATE is collected over the classes a class inherits from, each name once."""

    class More(Part):
        STATE: ClassVar[tuple[str, ...]] = ("more", "count")

    assert state_names(More) == ("count", "next", "more")


@given(dues=st.lists(st.integers(0, 5), min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_alarms_of_one_cycle_keep_their_order(dues: list[int], order: random.Random) -> None:
    """What waits happens after a load at the same cycles and in the same order as without it."""

    def alarms(told: list[int]) -> tuple[FakeWiring, Holder]:
        wiring = FakeWiring()
        return wiring, Holder([Alarm(wiring, lambda _, n=number: told.append(n)) for number in range(len(dues))])  # type: ignore[misc]

    first_told: list[int] = []
    wiring, holder = alarms(first_told)
    numbers = list(range(len(dues)))
    order.shuffle(numbers)
    for number in numbers:
        holder.value[number].set(dues[number])  # type: ignore[index]
    second_told: list[int] = []
    second_wiring, second = alarms(second_told)
    load(second, save(holder))
    wiring.advance(10)
    second_wiring.advance(10)
    assert first_told == second_told
    assert len(first_told) == len(dues)


def test_a_line_is_not_driven_by_loading() -> None:
    """The processor keeps its own side of a line, so loading tells it nothing."""
    wiring = FakeWiring()
    high = InterruptLine(wiring, 3)
    high.set(True)
    fresh = FakeWiring()
    line = Holder(InterruptLine(fresh, 3))
    load(line, save(Holder(high)))
    assert fresh.changes == []
    line.value.set(True)  # type: ignore[attr-defined]
    assert fresh.changes == []


def test_random_sources_go_on() -> None:
    """A random source gives after a load what it would have given without."""
    source = random.Random(5)  # noqa: S311
    source.random()
    fresh = Holder(random.Random(6))  # noqa: S311
    load(fresh, save(Holder(source)))
    assert fresh.value.random() == source.random()  # type: ignore[attr-defined]


def test_what_cannot_be_saved_is_our_own_error() -> None:
    """A value without a form, such as a function, is a mistake in a class's STATE."""
    with pytest.raises(TypeError, match="cannot be part"):
        Saving().of(Holder(lambda: None))


@dataclass
class Stranger:
    """A dataclass that is none of the emulator's."""

    value: int = 0


class Colour(enum.Enum):
    """An enum that is none of the emulator's."""

    RED = 1


SETTINGS: Any = {"step": 1, "limit": 1, "repetition": 0, "compares": {"dict": []}}
TAGS = ["object", "data", "dict", "own", "value", "tuple", "same", "method", "enum", "bytes"]
HOSTILE: list[Any] = [
    None,
    5,
    [],
    {},
    {"object": {}},
    {"object": {"value": None, "other": None}},
    {"object": None},
    {"nonsense": 1},
    {"object": {"value": None}, "more": 1},
    {"object": {"value": {"enum": ["os.PathLike", "x"]}}},
    {"object": {"value": {"enum": ["personality.DeepSleep", "NOSUCH"]}}},
    {"object": {"value": {"enum": ["personality.DeepSleep"]}}},
    {"object": {"value": {"data": ["device.Device", {}]}}},
    {"object": {"value": {"data": ["soc.counter.Settings", {"step": 1}]}}},
    {
        "object": {
            "value": {
                "data": ["soc.counter.Settings", {"step": "x", "limit": 1, "repetition": 0, "compares": {"dict": []}}]
            }
        }
    },
    {"object": {"value": {"data": ["soc.counter.Counter", {}]}}},
    {"object": {"value": {"bytes": "*"}}},
    {"object": {"value": {"bytes": 3}}},
    {"object": {"value": {"dict": [[1]]}}},
    {"object": {"value": {"dict": [[[1], 2]]}}},
    {"object": {"value": {"set": [[1]]}}},
    {"object": {"value": {"same": ".nowhere"}}},
    {"object": {"value": {"method": "__init__"}}},
    {"object": {"value": {"method": "nothing"}}},
    {"object": {"value": {"method": ["go"]}}},
    {"object": {"value": {"random": [3, [1], None]}}},
    {"object": {"value": {"own": None}}},
    {"object": {"value": {"object": {}}}},
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: json.dumps(data)[:60])
def test_hostile_data_is_refused(data: Plain) -> None:
    """Data that is no state of this object is a SnapshotError, whatever is wrong with it."""
    with pytest.raises(SnapshotError):
        load(Holder(), data)


@given(
    data=st.recursive(
        SCALARS,
        lambda v: (
            st.lists(v)
            | st.dictionaries(st.sampled_from(["object", "data", "dict", "own", "value", "tuple", "same", "method"]), v)
        ),
    )
)
def test_arbitrary_data_never_does_anything_else(data: Plain) -> None:
    """Whatever JSON holds either is a state or is refused."""
    try:
        load(Holder(), data)
    except SnapshotError:
        return


def test_nesting_is_bounded() -> None:
    """Data nested without end is refused, not followed."""
    data: Any = 1
    for _ in range(500):
        data = [data]
    with pytest.raises(SnapshotError, match="deeply"):
        load(Holder(), {"object": {"value": data}})


@pytest.mark.parametrize("value", [5, "text", None, [1], {"bytes": ""}])
def test_a_value_of_another_type_is_refused(value: Plain) -> None:
    """Where something of a known type stands, only that or nothing can be put."""
    holder = Holder(Part())
    with pytest.raises(SnapshotError):
        load(holder, {"object": {"value": value}})


@pytest.mark.parametrize("damage", [{"CR": 1 << 32}, {"CR": -1}, {"CR": True}, {"CR": "0"}, {"XX": 0}])
def test_registers_hold_words(damage: dict[str, Any]) -> None:
    """A block's registers are those of its table, and each holds 32 bits."""
    block = RegisterBlock("crc")
    data: Any = copy.deepcopy(save(block))
    data["object"]["registers"]["own"].update(damage)
    with pytest.raises(SnapshotError):
        load(block, data)


# -- what is not declared does not change ----------------------------------------------------------------------------

PARTS_OF_A_DEVICE = ("soc", "bus_devices", "personality")
CHANGING = {
    "append", "appendleft", "extend", "pop", "popleft", "clear", "add", "remove", "discard", "update", "insert",
    "setdefault", "popitem", "sort", "reverse",
}  # fmt: skip


def classes() -> Iterator[type]:
    """Yield every class of the packages whose objects make up a device."""
    for package in PARTS_OF_A_DEVICE:
        root = importlib.import_module(f"mvsdk.emulator.{package}")
        names = [root.__name__, *(m.name for m in pkgutil.walk_packages(root.__path__, root.__name__ + "."))]
        for name in names:
            module = importlib.import_module(name)
            yield from (
                thing for thing in vars(module).values() if isinstance(thing, type) and thing.__module__ == name
            )


def changed_attributes(kind: type) -> set[str]:
    """Return the attributes that methods other than the constructor change, as far as the source shows it."""
    source = Path(inspect.getfile(kind)).read_text(encoding="utf-8")
    tree = next(
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    methods = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    given = {name for method in methods if method.name == "__init__" for name in _given(method)}
    changing = [node for method in methods if method.name != "__init__" for node in ast.walk(method)]
    return {name for node in changing for name in _changed(node, given)}


def _given(constructor: ast.FunctionDef) -> Iterator[str]:
    """Yield the attributes that are what the constructor was given: objects that others hold, and save."""
    for node in ast.walk(constructor):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            yield from (name for target in node.targets if (name := _own_attribute(target)))


def _changed(node: ast.AST, given: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        targets = [node.func.value] if _own_attribute(node.func.value) not in given else []
    else:
        return
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple) else [target]:
            name = _own_attribute(part)
            # An item of what the constructor was given is somebody else's, and saved there.
            if name is not None and not (isinstance(part, ast.Subscript) and name in given):
                yield name


def _own_attribute(node: ast.expr) -> str | None:
    """Return the attribute of `self` that an expression is, or is an item of."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def undeclared(kind: type) -> set[str]:
    """Return what a class changes although neither STATE nor NOT_STATE names it."""
    if hasattr(kind, "saved_state"):
        return set()
    known = set(state_names(kind)) | {name for base in kind.__mro__ for name in base.__dict__.get("NOT_STATE", ())}
    setters = {name for name, thing in vars(kind).items() if isinstance(thing, property)}
    return (changed_attributes(kind) | _fields(kind)) - known - setters


def _fields(kind: type) -> set[str]:
    """Return the fields of a dataclass with a state: anybody may set them."""
    if not dataclasses.is_dataclass(kind) or not hasattr(kind, "STATE"):
        return set()
    return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", sorted(set(classes()), key=str))
def test_whatever_changes_is_declared(kind: type) -> None:
    """No class whose objects make up a device changes an attribute that its STATE does not name, or its NOT_STATE,
    which is for what is no part of the device, such as a cache."""
    assert undeclared(kind) == set()


def test_the_law_above_can_fail() -> None:
    """A class that changes what it does not declare is found, however it changes it."""

    class Forgetful:
        STATE: ClassVar[tuple[str, ...]] = ("known",)

        def __init__(self) -> None:
            self.known = self.assigned = self.counted = 0
            self.filled: list[int] = []
            self.mapped: dict[int, int] = {}

        def go(self) -> None:
            self.known = 1
            self.assigned, self.counted = 1, 2
            self.counted += 1
            self.filled.append(1)
            self.mapped[1] = 2

    assert undeclared(Forgetful) == {"assigned", "counted", "filled", "mapped"}


def test_the_parts_of_a_device_are_where_the_law_looks() -> None:
    """The packages that are looked through are those that hold devices' parts."""
    assert all(hasattr(mvsdk.emulator, package) for package in PARTS_OF_A_DEVICE)
    assert len(set(classes())) > 30

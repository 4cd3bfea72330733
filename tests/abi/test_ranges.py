"""The memory a call touches, as far as its arguments tell."""

from hypothesis import given
from hypothesis import strategies as st

from mvsdk import abi
from mvsdk.abi import Syscall
from mvsdk.abi.ranges import PointerRange, arguments_of, field_ranges, pointer_ranges

CALLS = sorted(abi.load().syscalls.values(), key=lambda call: call.name)
WORD = st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))


def brief(ranges: list[PointerRange]) -> list[tuple[str, int, int, bool]]:
    """Return name, address, length and whether it is written."""
    return [(item.name, item.address, item.length, item.needs_write) for item in ranges]


def of(name: str, *registers: int) -> list[tuple[str, int, int, bool]]:
    """Return the ranges of a call's arguments."""
    return brief(pointer_ranges(abi.load().syscalls[name], (*registers, 0, 0, 0, 0)[:4]))


def test_an_input_counted_by_its_sibling() -> None:
    """A message is read, over as many bytes as the length says, of which only 16 bits count."""
    assert of("mvServerLog", 0x20000000, 5) == [("message", 0x20000000, 5, False)]
    assert of("mvServerLog", 0x20000000, 0x10005) == [("message", 0x20000000, 5, False)]


def test_one_element_is_as_long_as_its_type() -> None:
    """A pointer without a count covers one element: 8 bytes of time, one byte of wake reason, one whole struct."""
    assert of("mvGetMicroseconds", 0x20000000) == [("ms", 0x20000000, 8, True)]
    assert of("mvGetWakeReason", 0x20000000) == [("mode", 0x20000000, 1, True)]
    assert of("mvExternalFlashGetInfo", 1, 0x20000000) == [("info", 0x20000000, 16, True)]
    assert of("mvReadChannel", 1, 4, 8) == [("read_pointer_out", 4, 4, True), ("length_out", 8, 4, True)]


def test_what_is_kept_must_be_writable() -> None:
    """A buffer the kernel retains is written later, so it needs write access now."""
    assert of("mvServerLoggingInit", 0x20000000, 4096) == [("buffer", 0x20000000, 4096, True)]


def test_nothing_to_cover_is_no_range() -> None:
    """With a count of 0 the pointer may be NULL or wild; with any other count NULL is a range like others."""
    assert of("mvServerLog", 0, 0) == []
    assert of("mvWriteChannel", 1, 0xDEAD0000, 0, 0x20000000) == [("available", 0x20000000, 4, True)]
    assert of("mvServerLog", 0, 1) == [("message", 0, 1, False)]
    assert of("mvGetHClk", 0) == [("hz", 0, 4, True)]


def test_lengths_do_not_wrap() -> None:
    """A range may end beyond 32 bits, for the checker to see."""
    assert of("mvServerLoggingInit", 0xFFFFFFFF, 0xFFFFFFFF) == [("buffer", 0xFFFFFFFF, 0xFFFFFFFF, True)]
    struct = abi.load().structs["MvHttpRequest"]
    values = struct.unpack(struct.pack({"num_headers": 0xFFFFFFFF, "headers": 0xFFFFFFF8}))
    assert brief(field_ranges(struct, values)) == [("headers", 0xFFFFFFF8, 0xFFFFFFFF * 8, False)]


def test_bytes_and_elements_are_told_apart() -> None:
    """The ring's size is in bytes although it holds records; headers are counted one by one."""
    setup = abi.load().structs["MvNotificationSetup"]
    values = setup.unpack(setup.pack({"buffer": 0x20000000, "buffer_size": 64}))
    assert brief(field_ranges(setup, values)) == [("buffer", 0x20000000, 64, True)]
    request = abi.load().structs["MvHttpRequest"]
    values = request.unpack(request.pack({"headers": 0x20000000, "num_headers": 3}))
    assert brief(field_ranges(request, values)) == [("headers", 0x20000000, 24, False)]


def test_pointers_inside_structs_inside_structs() -> None:
    """Texts at any depth are found by their full path, and NULL where it is allowed is not."""
    request = abi.load().structs["MvMqttConnectRequest"]
    values = request.unpack(
        request.pack(
            {
                "host.data": 0x20000000,
                "host.length": 9,
                "authentication.username_password.password.data": 0x20000100,
                "authentication.username_password.password.length": 6,
            }
        )
    )
    assert brief(field_ranges(request, values)) == [
        ("host.data", 0x20000000, 9, False),
        ("authentication.username_password.password.data", 0x20000100, 6, False),
    ]
    values["will"] = 0x30000000
    assert brief(field_ranges(request, values))[-1] == ("will", 0x30000000, 24, False)


def test_a_range_says_what_lies_there() -> None:
    """The type of a range leads on to the struct to read and follow."""
    (found,) = pointer_ranges(abi.load().syscalls["mvSendHttpRequest"], (1, 0x20000000, 0, 0))
    assert found.type.definition is abi.load().structs["MvHttpRequest"]


@given(st.sampled_from(CALLS), st.tuples(WORD, WORD, WORD, WORD))
def test_every_call_has_sound_ranges(call: Syscall, registers: tuple[int, int, int, int]) -> None:
    """Whatever the registers hold, each range is of a pointer argument, starts at its value and is not empty."""
    pointers = {item.name: item for item in call.parameters if item.type.pointee is not None}
    for found in pointer_ranges(call, registers):
        assert found.length > 0
        assert found.address == registers[pointers[found.name].register]
        assert found.needs_write is pointers[found.name].direction.writes


@given(st.sampled_from(sorted(abi.load().structs)), st.data())
def test_every_struct_has_sound_ranges(name: str, data: st.DataObject) -> None:
    """Whatever bytes a struct holds, its ranges are not empty and start where its pointers say."""
    struct = abi.load().structs[name]
    values = struct.unpack(data.draw(st.binary(min_size=struct.size, max_size=struct.size)))
    for found in field_ranges(struct, values):
        assert found.length > 0
        assert found.address == values[found.name]


@given(call=st.sampled_from(CALLS), registers=st.tuples(WORD, WORD, WORD, WORD))
def test_arguments_worked_out_beforehand_are_the_same(call: Syscall, registers: tuple[int, int, int, int]) -> None:
    """What `arguments_of` takes from the registers, and the ranges it finds, are those of the slower ways."""
    arguments = arguments_of(call)
    values = [registers[argument.register] & argument.mask for argument in arguments]
    assert values == list(call.arguments(registers).values())
    found = [
        (parameter.name, value, argument.length(registers), argument.needs_write)
        for parameter, argument, value in zip(call.parameters, arguments, values, strict=True)
        if argument.pointer and argument.length(registers)
    ]
    assert found == brief(pointer_ranges(call, registers))

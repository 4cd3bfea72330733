"""Calls as text and as JSON, for well-behaved guests and for others."""

import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk import abi
from mvsdk.abi import Syscall
from mvsdk.abi.decode import decode_call, decode_result

Guest = Callable[[dict[int, bytes]], Callable[[int, int], bytes]]

CALLS = sorted(abi.load().syscalls.values(), key=lambda call: call.name)
RAM = 0x20000000


def called(name: str, *registers: int) -> tuple[Syscall, tuple[int, ...]]:
    """Return a call and its registers."""
    return abi.load().syscalls[name], (*registers, 0, 0, 0, 0)[:4]


def packed(name: str, **values: int) -> bytes:
    """Return a struct's bytes; `__` in a name stands for the dot."""
    return abi.load().structs[name].pack({key.replace("__", "."): value for key, value in values.items()})


def word(value: int) -> bytes:
    """Return a 32-bit word."""
    return value.to_bytes(4, "little")


def test_a_message_is_text(guest: Guest) -> None:
    """Bytes are quoted, numbers decimal."""
    call, registers = called("mvServerLog", RAM, 5)
    decoded = decode_call(call, registers, guest({RAM: b"hello"}))
    assert str(decoded) == 'mvServerLog(message="hello", length_bytes=5)'
    assert decoded.as_dict() == {
        "call": "mvServerLog",
        "arguments": {"message": {"text": "hello", "length": 5}, "length_bytes": 5},
    }


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", '""'),
        (b'say "no"\\', r'"say \"no\"\\"'),
        (b"a\tb\r\n", r'"a\tb\r\n"'),
        (b"\x00\x1b[31m\x7f", r'"\x00\x1b[31m\x7f"'),
        ("°".encode(), r'"\xc2\xb0"'),
        (b"x" * 64, '"' + "x" * 64 + '"'),
        (b"x" * 65, '"' + "x" * 64 + '"...'),
    ],
)
def test_text_is_printable_ascii_of_at_most_64_bytes(data: bytes, text: str, guest: Guest) -> None:
    """Whatever could confuse a terminal is escaped, and long texts are cut with dots behind the quotes."""
    call, registers = called("mvServerLog", RAM, len(data))
    shown = str(decode_call(call, registers, guest({RAM: data})))
    assert shown == f"mvServerLog(message={text}, length_bytes={len(data)})"
    assert shown.isprintable()


def test_pointers_that_lead_nowhere(guest: Guest) -> None:
    """NULL is NULL, an address without memory has an exclamation mark, in arguments and inside structs."""
    nowhere = guest({})
    assert str(decode_call(*called("mvServerLog", 0xDEAD0000, 5), nowhere)).startswith(
        "mvServerLog(message=0xDEAD0000!,"
    )
    assert str(decode_call(*called("mvServerLog", 0, 5), nowhere)) == "mvServerLog(message=NULL, length_bytes=5)"
    assert str(decode_call(*called("mvGetHClk", 0x1234), nowhere)) == "mvGetHClk(hz=0x00001234!)"
    assert str(decode_call(*called("mvSendHttpRequest", 1, 0xFFFFFFF0), nowhere)).endswith("request=0xFFFFFFF0!)")
    assert decode_call(*called("mvGetHClk", 0x1234), nowhere).as_dict()["arguments"] == {
        "hz": {"address": "0x00001234", "bad": True}
    }
    request = packed("MvHttpRequest", url__data=0x10, url__length=3, num_headers=1, headers=0x20)
    shown = str(decode_call(*called("mvSendHttpRequest", 1, RAM), guest({RAM: request})))
    assert "url=0x00000010!" in shown
    assert "headers=0x00000020!" in shown


def test_a_request_is_opened_one_level_deep(guest: Guest) -> None:
    """Structs are shown with their texts; pointers inside them to other structs are addresses."""
    memory = guest(
        {
            RAM: packed(
                "MvHttpRequest",
                method__data=RAM + 0x100,
                method__length=3,
                url__data=RAM + 0x200,
                url__length=12,
                num_headers=1,
                headers=RAM + 0x300,
                timeout_ms=10000,
            ),
            RAM + 0x100: b"GET",
            RAM + 0x200: b"https://x.io",
            RAM + 0x300: bytes(8),
        }
    )
    assert str(decode_call(*called("mvSendHttpRequest", 0xABCD0001, RAM), memory)) == (
        'mvSendHttpRequest(handle=0xABCD0001, request={method="GET", url="https://x.io", num_headers=1, '
        "headers=0x20000300, body=NULL, timeout_ms=10000})"
    )


def test_versioned_structs_name_fields_as_c_does(guest: Guest) -> None:
    """A field of a version has the version in its name, handles are hexadecimal, enums by name."""
    params = packed(
        "MvOpenChannelParams",
        version=1,
        v1__notification_handle=0x1234,
        v1__receive_buffer=RAM,
        v1__receive_buffer_len=512,
        v1__channel_type=2,
    )
    shown = str(decode_call(*called("mvOpenChannel", RAM, RAM), guest({RAM: params + bytes(512)})))
    assert shown.startswith("mvOpenChannel(params={version=1, v1.notification_handle=0x00001234, ")
    assert "v1.receive_buffer=0x20000000, v1.receive_buffer_len=512, " in shown
    assert "v1.channel_type=MV_CHANNELTYPE_HTTP, v1.endpoint=NULL}, handle=0x20000000)" in shown


def test_enums_are_named_and_strangers_numbered(guest: Guest) -> None:
    """A value without a name is shown as the enum's name and the number; JSON has the bare number."""
    assert str(decode_call(*called("mvRestart", 0), guest({}))) == "mvRestart(mode=MV_RESTARTMODE_AUTOAPPLYUPDATE)"
    assert str(decode_call(*called("mvRestart", 57), guest({}))) == "mvRestart(mode=MvRestartMode(57))"
    assert decode_call(*called("mvRestart", 57), guest({})).as_dict()["arguments"] == {"mode": 57}


def test_addresses_of_registers_are_hexadecimal(guest: Guest) -> None:
    """What the tables mark as hexadecimal is shown so, going in and coming out."""
    call, registers = called("mvPeriphPeek32", 0x46020C00, RAM)
    memory = guest({RAM: word(0x35)})
    assert str(decode_call(call, registers, memory)) == "mvPeriphPeek32(reg=0x46020C00, output=0x20000000)"
    assert str(decode_result(call, registers, 0, memory)) == "=> MV_STATUS_OKAY, output=0x00000035"


def test_what_was_written_is_shown_on_success_only(guest: Guest) -> None:
    """Outputs follow OKAY; any other status stands alone, named if it can be."""
    call, registers = called("mvGetHClk", RAM)
    memory = guest({RAM: word(160_000_000)})
    result = decode_result(call, registers, 0, memory)
    assert str(result) == "=> MV_STATUS_OKAY, hz=160000000"
    assert result.as_dict() == {"status": "MV_STATUS_OKAY", "outputs": {"hz": 160_000_000}}
    assert str(decode_result(call, registers, 2, memory)) == "=> MV_STATUS_PARAMETERFAULT"
    assert str(decode_result(call, registers, 4660, memory)) == "=> MvStatus(4660)"
    assert decode_result(call, registers, 4660, memory).as_dict() == {"status": 4660, "outputs": {}}


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0, "MV_NETWORKREASON_NOTCONNECTING"),
        (1, "MV_NETWORKREASON_USINGNETWORK"),
        (0x801, "MV_NETWORKREASON_USINGNETWORK|MV_NETWORKREASON_ENHANCECALM"),
        (0x401, "MV_NETWORKREASON_USINGNETWORK|0x400"),
        (0x80000000, "0x80000000"),
    ],
)
def test_bits_are_ored(bits: int, text: str, guest: Guest) -> None:
    """A bit field is its names joined by bars, bits without a name in hexadecimal."""
    call, registers = called("mvGetNetworkReasons", RAM, RAM + 4)
    result = decode_result(call, registers, 0, guest({RAM: word(bits) + word(2)}))
    assert str(result) == f"=> MV_STATUS_OKAY, reasons={text}, request_ref_count=2"


def test_a_handle_is_shown_before_and_after(guest: Guest) -> None:
    """A handle that is read and then zeroed is shown with both values."""
    call, registers = called("mvCloseChannel", RAM)
    assert str(decode_call(call, registers, guest({RAM: word(0xC0FFEE)}))) == "mvCloseChannel(handle=0x00C0FFEE)"
    assert str(decode_result(call, registers, 0, guest({RAM: word(0)}))) == "=> MV_STATUS_OKAY, handle=0x00000000"


def test_a_buffer_is_an_address_going_in_and_text_coming_out(guest: Guest) -> None:
    """An output buffer shows its address first, and after the call what is in it."""
    call, registers = called("mvGetDeviceId", RAM, 34)
    memory = guest({RAM: b"UV" + b"0" * 32})
    assert str(decode_call(call, registers, memory)) == "mvGetDeviceId(buf=0x20000000, len=34)"
    assert str(decode_result(call, registers, 0, memory)) == f'=> MV_STATUS_OKAY, buf="UV{"0" * 32}"'


def test_a_pointer_can_be_a_result(guest: Guest) -> None:
    """A call that hands out an address shows it."""
    call, registers = called("mvReadChannel", 1, RAM, RAM + 4)
    result = decode_result(call, registers, 0, guest({RAM: word(RAM + 0x400) + word(12)}))
    assert str(result) == "=> MV_STATUS_OKAY, read_pointer_out=0x20000400, length_out=12"


def test_a_struct_of_out_pointers(guest: Guest) -> None:
    """Going in it shows where results will go, coming out what went there, as much as was written."""
    message = packed(
        "MvMqttMessage",
        correlation_id=RAM + 0x100,
        topic__data=RAM + 0x200,
        topic__size=64,
        topic__length=RAM + 0x104,
        payload__data=RAM + 0x300,
        payload__size=32,
        payload__length=RAM + 0x108,
        qos=RAM + 0x10C,
        retain=RAM + 0x110,
    )
    memory = guest(
        {
            RAM: message,
            RAM + 0x100: word(9) + word(3) + word(2) + word(1) + b"\x01",
            RAM + 0x200: b"a/b".ljust(64),
            RAM + 0x300: b"on".ljust(32),
        }
    )
    call, registers = called("mvMqttReceiveMessage", 5, RAM)
    assert str(decode_call(call, registers, memory)) == (
        "mvMqttReceiveMessage(handle=0x00000005, message_data={correlation_id=0x20000100, topic=0x20000200[64], "
        "payload=0x20000300[32], qos=0x2000010C, retain=0x20000110})"
    )
    assert str(decode_result(call, registers, 0, memory)) == (
        '=> MV_STATUS_OKAY, message_data={correlation_id=9, topic="a/b", payload="on", qos=1, retain=1}'
    )


def test_a_list_of_reason_codes(guest: Guest) -> None:
    """An array shows as many elements as were written, and no more than sixteen."""
    response = packed(
        "MvMqttSubscribeResponse",
        request_state=RAM + 0x100,
        correlation_id=RAM + 0x104,
        reason_codes=RAM + 0x200,
        reason_codes_size=400,
        reason_codes_len=RAM + 0x108,
    )
    pieces = {RAM: response, RAM + 0x100: word(0) + word(7) + word(3), RAM + 0x200: word(0) + word(1) + word(128) * 98}
    call, registers = called("mvMqttReadSubscribeResponse", 5, RAM)
    shown = str(decode_result(call, registers, 0, guest(pieces)))
    assert "correlation_id=7, reason_codes=[0, 1, 128], reason_codes_len=3}" in shown
    pieces[RAM + 0x100] = word(0) + word(7) + word(100)
    shown = str(decode_result(call, registers, 0, guest(pieces)))
    assert shown.count("128") == 14
    assert "128, ...]" in shown


def test_a_result_struct(guest: Guest) -> None:
    """A struct the kernel fills in is an address going in and its fields coming out."""
    call, registers = called("mvReadHttpResponseData", 5, RAM)
    memory = guest({RAM: packed("MvHttpResponseData", status_code=404, num_headers=2, body_length=9)})
    assert str(decode_call(call, registers, memory)).endswith("response_data=0x20000000)")
    assert str(decode_result(call, registers, 0, memory)) == (
        "=> MV_STATUS_OKAY, response_data={result=MV_HTTPRESULT_OK, status_code=404, num_headers=2, body_length=9}"
    )


def test_secrets_are_never_shown(guest: Guest) -> None:
    """Passwords and fetched values appear as length and hash, in text, in JSON, going in and coming out."""
    secret = b"correct horse battery staple"
    digest = hashlib.sha256(secret).hexdigest()[:8]
    wifi = packed("MvWifiConfig", version=1, v1__wifi_password__data=RAM + 0x100, v1__wifi_password__length=len(secret))
    decoded = decode_call(*called("mvSetWifiConfig", RAM), guest({RAM: wifi, RAM + 0x100: secret}))
    assert f"v1.wifi_password=<28 bytes, sha256 {digest}>" in str(decoded)
    assert "horse" not in json.dumps(decoded.as_dict())
    item = packed("MvConfigResponseReadItemParams", buf__data=RAM + 0x100, buf__size=64, buf__length=RAM + 0x200)
    memory = guest({RAM: item, RAM + 0x100: secret.ljust(64), RAM + 0x200: word(len(secret))})
    call, registers = called("mvReadConfigResponseItem", 1, RAM)
    result = decode_result(call, registers, 0, memory)
    assert f"buf=<28 bytes, sha256 {digest}>" in str(result)
    for shown in (result, decode_call(call, registers, memory)):
        assert "horse" not in str(shown) + json.dumps(shown.as_dict())


def test_the_private_key_is_a_secret_wherever_it_is(guest: Guest) -> None:
    """A secret too long to be hashed shows its length; one that cannot be read shows its address."""
    wifi = packed("MvWifiConfig", version=1, v1__wifi_password__data=RAM, v1__wifi_password__length=100_000)
    assert "<100000 bytes>" in str(decode_call(*called("mvSetWifiConfig", RAM), guest({RAM: wifi})))
    wifi = packed("MvWifiConfig", version=1, v1__wifi_password__data=0x10, v1__wifi_password__length=8)
    assert "v1.wifi_password=0x00000010!" in str(decode_call(*called("mvSetWifiConfig", RAM), guest({RAM: wifi})))


def test_a_read_that_comes_up_short_is_no_memory() -> None:
    """A reader that returns fewer bytes than asked for is treated like one that finds none."""
    call, registers = called("mvServerLog", RAM, 5)
    assert "message=0x20000000!" in str(decode_call(call, registers, lambda _address, size: b"x" * (size - 1)))


def test_memory_beyond_32_bits_is_never_asked_for() -> None:
    """The reader sees no address range that wraps, nor more than a call can need."""

    def read(address: int, size: int) -> bytes:
        assert 0 < size <= 4096
        assert address + size <= 1 << 32
        return b"\xff" * size

    for call in CALLS:
        for registers in ((0xFFFFFFFF,) * 4, (0xFFFFFFF0,) * 4, (0,) * 4, (1 << 31,) * 4):
            decode_call(call, registers, read)
            decode_result(call, registers, 0, read)


WORD = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(RAM, RAM + 300), st.sampled_from([0, 1, 0xFFFFFFFF]))


@given(
    st.sampled_from(CALLS),
    st.tuples(WORD, WORD, WORD, WORD),
    st.binary(min_size=256, max_size=256),
    st.integers(0, 0xFFFFFFFF),
)
def test_nothing_a_guest_passes_can_break_it(
    call: Syscall, registers: tuple[int, int, int, int], memory: bytes, result: int
) -> None:
    """Any registers, any memory, any result: text stays one printable line, and JSON holds the rest."""

    def read(address: int, size: int) -> bytes:
        if not RAM <= address <= RAM + len(memory) - size:
            raise LookupError(address)
        return memory[address - RAM : address - RAM + size]

    for status in (0, result):
        for decoded in (decode_call(call, registers, read), decode_result(call, registers, status, read)):
            assert str(decoded).isprintable()
            assert str(decoded).isascii()
            assert json.loads(json.dumps(decoded.as_dict())) == decoded.as_dict()


@given(st.sampled_from(CALLS), st.data())
def test_nested_pointers_into_live_memory_cannot_break_it(call: Syscall, data: st.DataObject) -> None:
    """Structs whose every word points back into the same memory are shown without end or error."""
    words = data.draw(st.lists(st.integers(0, 63), min_size=64, max_size=64))
    memory = b"".join(word(RAM + 4 * index) for index in words)

    def read(address: int, size: int) -> bytes:
        if not RAM <= address <= RAM + len(memory) - size:
            raise LookupError(address)
        return memory[address - RAM : address - RAM + size]

    registers = (RAM, RAM + 64, RAM + 128, RAM + 32)
    assert str(decode_call(call, registers, read)).startswith(f"{call.name}(")
    assert str(decode_result(call, registers, 0, read)).startswith("=> MV_STATUS_OKAY")

"""The Microvisor database: what it holds, and laws that all of it obeys."""

import re

import pytest

from mvsdk import abi
from mvsdk.abi import Direction, Enum, Field, Handle, Parameter, Show, Struct
from mvsdk.abi.errors import UnknownAbiError
from mvsdk.abi.model import CType


def test_all_72_calls_are_there_at_their_own_addresses() -> None:
    """The gateways are 72 distinct multiples of 8 in the block that starts at 0x0C1FE000."""
    microvisor = abi.load()
    assert len(microvisor.syscalls) == len(microvisor.by_address) == 72
    assert min(microvisor.by_address) == 0x0C1FE000
    assert max(microvisor.by_address) == 0x0C1FE248
    assert all(address % 8 == 0 for address in microvisor.by_address)


def test_calls_are_found_by_name_and_by_address() -> None:
    """Both views of the calls hold the same objects."""
    microvisor = abi.load()
    for name, call in microvisor.syscalls.items():
        assert call.name == name
        assert microvisor.by_address[call.address] is call


def test_a_database_is_loaded_once() -> None:
    """Loading a name again gives the very same object."""
    assert abi.load() is abi.load("microvisor")
    assert "microvisor" in abi.available()


@pytest.mark.parametrize("name", ["", "nuttx-13", "../abi/microvisor", "/etc"])
def test_an_unknown_name_is_refused(name: str) -> None:
    """A name that is not on the list is an error that shows the list, whatever path it might spell."""
    with pytest.raises(UnknownAbiError) as caught:
        abi.load(name)
    assert repr(name) in caught.value.what
    assert "microvisor" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("MvStatus", 4),
        ("MvNetworkReason", 4),
        ("MvMqttAuthenticationMethod", 1),
        ("MvPowerSavingMode", 1),
        ("MvDeepSleepMode", 1),
        ("MvWakeReason", 1),
        ("MvWifiConfigMode", 1),
    ],
)
def test_enums_have_the_width_of_their_sentinel(name: str, size: int) -> None:
    """An enum is as wide as its all-ones sentinel needs, which is not among its members."""
    enum = abi.load().enums[name]
    assert enum.size == size
    assert enum.sentinel not in enum.members
    assert enum.sentinel_value == (1 << 8 * size) - 1


@pytest.mark.parametrize(
    ("name", "size", "alignment"),
    [
        ("MvNotification", 16, 8),
        ("MvNotificationSetup", 12, 4),
        ("MvOpenChannelParams", 44, 4),
        ("MvMqttConnectRequest", 60, 4),
        ("MvMqttAuthentication", 20, 4),
        ("MvMqttMessage", 36, 4),
        ("MvWifiConfig", 24, 4),
        ("MvTemporaryTestVersionedStruct", 20, 4),
        ("MvTemporaryTestSubStruct", 16, 8),
    ],
)
def test_structs_have_the_measured_size(name: str, size: int, alignment: int) -> None:
    """Sizes and alignments are those measured with the cross compiler."""
    struct = abi.load().structs[name]
    assert (struct.size, struct.alignment) == (size, alignment)


def test_what_a_call_returns_is_the_status() -> None:
    """Every call returns the one status enum, 0 is success, and each documents at least one status of it."""
    microvisor = abi.load()
    assert microvisor.status is microvisor.enums["MvStatus"]
    assert microvisor.status.name_of(0) == "MV_STATUS_OKAY"
    assert microvisor.status.name_of(0x12345) is None
    for call in microvisor.syscalls.values():
        assert call.returns.definition is microvisor.status
        assert call.statuses
        assert all(status.name in microvisor.status.members for status in call.statuses)


def test_what_the_kernel_keeps() -> None:
    """Exactly the log buffers, the notification ring and the two channel buffers outlive the call that brings them."""

    def keeps(item: Parameter | Field) -> bool:
        return item.direction is Direction.RETAIN

    microvisor = abi.load()
    kept = {f"{call.name}.{p.name}" for call in microvisor.syscalls.values() for p in call.parameters if keeps(p)}
    kept |= {f"{struct.name}.{f.name}" for struct in microvisor.structs.values() for f in struct.fields if keeps(f)}
    assert kept == {
        "mvServerLoggingInit.buffer",
        "mvTestLoggingInit.buffer",
        "MvNotificationSetup.buffer",
        "MvOpenChannelParams.v1.receive_buffer",
        "MvOpenChannelParams.v1.send_buffer",
    }


def test_secrets_are_marked() -> None:
    """Bytes whose name speaks of a password, a secret or a private key, and fetched values, are never shown."""
    secrets = {
        f"{struct.name}.{leaf.name}"
        for struct in abi.load().structs.values()
        for leaf in struct.leaves
        if leaf.show is Show.SECRET and leaf.type.is_bytes
    }
    for struct in abi.load().structs.values():
        for leaf in struct.leaves:
            if re.search(r"password\.data$|secret|clientcert\.key\.data", leaf.name):
                assert f"{struct.name}.{leaf.name}" in secrets
    assert {
        "MvWifiConfig.v1.wifi_password.data",
        "MvMqttConnectRequest.authentication.username_password.password.data",
        "MvTlsCredentials.clientcert.key.data",
        "MvConfigResponseReadItemParams.buf.data",
    } <= secrets
    assert "MvConfigKeyToFetch.key.data" not in secrets


def test_every_type_is_used_by_some_call() -> None:
    """No type is declared that cannot be reached from an argument, so nothing in the header is dead."""
    microvisor = abi.load()
    reached: set[str] = set()
    waiting = [ctype for call in microvisor.syscalls.values() for ctype in (call.returns, *_types(call.parameters))]
    while waiting:
        definition = _innermost(waiting.pop()).definition
        if definition is not None and definition.name not in reached:
            reached.add(definition.name)
            waiting += _types(definition.fields) if isinstance(definition, Struct) else []
    assert reached == microvisor.enums.keys() | microvisor.structs.keys() | microvisor.handles.keys()


def test_versioned_structs_begin_with_their_version() -> None:
    """Whatever has fields in a version has the version itself as its first word."""
    for struct in abi.load().structs.values():
        if any(field.name.startswith("v1.") for field in struct.fields):
            assert (struct.fields[0].name, struct.fields[0].type.spelling) == ("version", "uint32_t")


def test_a_pointer_to_const_is_only_read() -> None:
    """What C calls const goes in; all other directions need a writable target."""
    microvisor = abi.load()
    items: list[Parameter | Field] = [item for call in microvisor.syscalls.values() for item in call.parameters]
    items += (leaf for struct in microvisor.structs.values() for leaf in struct.leaves)
    constant = [item for item in items if item.type.pointee is not None and item.type.pointee.const]
    assert constant
    assert all(item.direction is Direction.IN and not item.direction.writes for item in constant)


def test_handles_are_pointers_to_what_nobody_defines() -> None:
    """A handle is one word, and its tag is no struct of the database."""
    microvisor = abi.load()
    assert len(microvisor.handles) == 5
    for handle in microvisor.handles.values():
        assert handle.tag == f"{handle.name}Opaque"
        assert handle.tag not in microvisor.structs


def test_arguments_are_cut_to_the_width_of_their_type() -> None:
    """A 16-bit length and an 8-bit mode are taken from the low end of their registers, handles and pointers whole."""
    calls = abi.load().syscalls
    wide = (0xFFFFFFFF, 0xABCD1234, 1, 2)
    assert calls["mvServerLog"].arguments(wide) == {"message": 0xFFFFFFFF, "length_bytes": 0x1234}
    assert calls["mvPowerSave"].arguments(wide) == {"mode": 0xFF}
    assert calls["mvNoOp"].arguments(wide) == {}


def _types(items: tuple[Parameter, ...] | tuple[Field, ...]) -> list[CType]:
    return [item.type for item in items]


def _innermost(ctype: CType) -> CType:
    return ctype if ctype.pointee is None else _innermost(ctype.pointee)


def test_definitions_lead_to_what_they_define() -> None:
    """A type's definition is the very enum, handle or struct the database lists under its name."""
    microvisor = abi.load()
    for call in microvisor.syscalls.values():
        for parameter in call.parameters:
            inner = _innermost(parameter.type)
            match inner.definition:
                case Enum():
                    assert microvisor.enums[inner.name] is inner.definition
                case Struct():
                    assert microvisor.structs[inner.name] is inner.definition
                case Handle():
                    assert microvisor.handles[inner.name] is inner.definition
                case None:
                    assert inner.kind == "integer"

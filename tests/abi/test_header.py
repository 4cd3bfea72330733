"""The C header, proved by the cross compiler: sizes, offsets, values, prototypes, and code that uses it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mvsdk import abi
from mvsdk.abi import Abi
from mvsdk.resources import shared

Cross = Callable[..., subprocess.CompletedProcess[str]]

INCLUDE = shared("board-support") / "microvisor" / "include"
TARGET = ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}")
DIALECTS = [("gcc", "-std=c11", "probe.c"), ("g++", "-std=c++17", "probe.cpp")]

USAGE = """\
#include <mv_syscalls.h>

static struct MvNotification ring[8] __attribute__((aligned(8)));
static uint8_t receive[512] __attribute__((aligned(512)));
static uint8_t send[512] __attribute__((aligned(512)));

int use(uint8_t *body, uint32_t size);

int use(uint8_t *body, uint32_t size)
{
    MvNotificationHandle centre = 0;
    MvNetworkHandle network = 0;
    MvChannelHandle channel = 0;
    uint64_t now = 0;
    enum MvNetworkStatus network_status;
    enum MvWakeReason reason = MV_WAKEREASON_COLDBOOT;

    const struct MvNotificationSetup setup = { .irq = 4, .buffer = ring, .buffer_size = sizeof(ring) };
    enum MvStatus status = mvSetupNotifications(&setup, &centre);
    if (status != MV_STATUS_OKAY || centre == 0) {
        return 1;
    }

    const struct MvRequestNetworkParams wanted = {
        .version = 1,
        .v1 = { .notification_handle = centre, .notification_tag = 1 },
    };
    status = mvRequestNetwork(&wanted, &network);
    status = mvGetNetworkStatus(network, &network_status);
    if (status == MV_STATUS_OKAY && network_status == MV_NETWORKSTATUS_CONNECTED) {
        const struct MvOpenChannelParams params = {
            .version = 1,
            .v1 = {
                .notification_handle = centre,
                .notification_tag = 2,
                .network_handle = network,
                .receive_buffer = receive,
                .receive_buffer_len = sizeof(receive),
                .send_buffer = send,
                .send_buffer_len = sizeof(send),
                .channel_type = MV_CHANNELTYPE_HTTP,
                .endpoint = { .data = (const uint8_t *)"", .length = 0 },
            },
        };
        status = mvOpenChannel(&params, &channel);
    }
    if (channel != 0) {
        status = mvReadHttpResponseBody(channel, 0, body, size);
        status = mvCloseChannel(&channel);
    }

    const struct MvSizedString none = { .data = 0, .length = 0 };
    const struct MvWifiConfig wifi = {
        .version = 1,
        .v1 = { .config_mode = MV_WIFICONFIGMODE_CLEARNOW, .wifi_ssid = none, .wifi_password = none },
    };
    status = mvSetWifiConfig(&wifi);
    status = mvGetWakeReason(&reason);
    mvGetMicroseconds(&now);
    mvServerLog((const uint8_t *)"done", (uint16_t)4);
    switch (status) {
    case MV_STATUS_OKAY:
        return reason == MV_WAKEREASON_COLDBOOT;
    default:
        return (int)status;
    }
}
"""


def probe(microvisor: Abi) -> str:
    """Return a program that compiles only if every type, constant and prototype is what the database says."""
    lines = ["#include <mv_syscalls.h>", "#include <stddef.h>", "#ifdef __cplusplus"]
    lines += ["#define PROVE(what) static_assert(what, #what)", "#else"]
    lines += ["#define PROVE(what) _Static_assert(what, #what)", "#endif"]
    for enum in microvisor.enums.values():
        lines.append(f"PROVE(sizeof(enum {enum.name}) == {enum.size});")
        members = {**enum.members, enum.sentinel: enum.sentinel_value}
        lines += (f"PROVE((uint32_t){name} == {value}u);" for name, value in members.items())
    lines += (f"PROVE(sizeof({handle}) == 4);" for handle in microvisor.handles)
    for struct in microvisor.structs.values():
        lines += [f"PROVE(sizeof(struct {struct.name}) == {struct.size});"]
        lines += [f"struct align_{struct.name} {{ char first; struct {struct.name} second; }};"]
        lines += [f"PROVE(offsetof(struct align_{struct.name}, second) == {struct.alignment});"]
        for leaf in struct.leaves:
            lines.append(f"PROVE(offsetof(struct {struct.name}, {leaf.name}) == {leaf.offset});")
            lines.append(f"PROVE(sizeof(((struct {struct.name} *)0)->{leaf.name}) == {leaf.size});")
    for call in microvisor.syscalls.values():
        types = ", ".join(parameter.type.spelling for parameter in call.parameters) or "void"
        lines.append(f"{call.returns.spelling} (*const probe_{call.name})({types}) = {call.name};")
        lines.append(f"extern {call.returns.spelling} (*const probe_{call.name})({types});")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("compiler", "standard", "file"), DIALECTS)
def test_the_compiler_agrees_with_the_database(
    compiler: str, standard: str, file: str, tmp_path: Path, cross: Cross
) -> None:
    """Every size, alignment, offset, enum width, constant and prototype is the same to the compiler, in C and C++."""
    (tmp_path / file).write_text(probe(abi.load()))
    done = cross(compiler, standard, *TARGET, "-c", file, "-o", "probe.o")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_probe_can_fail(tmp_path: Path, cross: Cross) -> None:
    """One wrong number makes the probe refuse to compile."""
    right = "PROVE(offsetof(struct MvMqttConnectRequest, keepalive) == 48);"
    text = probe(abi.load())
    assert right in text
    (tmp_path / "probe.c").write_text(text.replace(right, right.replace("48", "52")))
    done = cross("gcc", "-std=c11", *TARGET, "-c", "probe.c", "-o", "probe.o")
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1


@pytest.mark.parametrize(
    ("compiler", "standard", "warnings", "file"),
    [
        ("gcc", "-std=c99", "-Wpedantic", "use.c"),
        ("gcc", "-std=c11", "-Wpedantic", "use.c"),
        ("gcc", "-std=gnu17", "-Wstrict-prototypes", "use.c"),
        ("g++", "-std=c++11", "-Wall", "use.cpp"),
        ("g++", "-std=gnu++17", "-Wall", "use.cpp"),
        ("g++", "-std=c++20", "-Wpedantic", "use.cpp"),
    ],
)
def test_application_code_compiles(
    compiler: str, standard: str, warnings: str, file: str, tmp_path: Path, cross: Cross
) -> None:
    """Code as applications write it compiles without a warning: versioned structs by designated initialisers, handles
    compared with 0, results kept in enum variables."""
    (tmp_path / file).write_text(USAGE)
    done = cross(compiler, standard, *TARGET, warnings, "-c", file, "-o", "use.o")
    assert (done.returncode, done.stderr) == (0, "")


def test_wide_enums_are_caught(tmp_path: Path, cross: Cross) -> None:
    """Code compiled with enums of another width than the kernel's is refused, with the option that is missing."""
    (tmp_path / "use.c").write_text(USAGE)
    done = cross("gcc", "-std=c11", *TARGET, "-fno-short-enums", "-c", "use.c", "-o", "use.o")
    assert done.returncode == 1
    assert "enum MvWakeReason must have size 1: compile with -fshort-enums" in done.stderr


def test_calls_have_c_names_in_cpp(tmp_path: Path, cross: Cross) -> None:
    """A C++ program refers to the unmangled symbols."""
    (tmp_path / "use.cpp").write_text(USAGE)
    cross("g++", "-std=gnu++17", *TARGET, "-c", "use.cpp", "-o", "use.o")
    undefined = cross("nm", "--undefined-only", "use.o").stdout.split()
    assert "mvOpenChannel" in undefined
    assert all(name in abi.load().syscalls for name in undefined if "mv" in name)

"""Config and secrets from a file, for devices without a cloud:

    [account.config]                        # for all devices of the account
    interval = "60"

    [device.secret]                         # for this one alone
    api-key = "sesame"

The tables are account.config, account.secret, device.config and device.secret; values are text, as in the cloud. What
is wrong with the file is told by table and key, never by value.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    LONGEST_CONFIG_KEY,
    ConfigAnswer,
    ConfigItem,
    ConfigItemResult,
    ConfigRequest,
    Request,
    config_size,
)
from mvsdk.emulator.network.peers import Reply

SCOPES, STORES = ("account", "device"), ("config", "secret")
LONGEST_VALUE = 4096
"""Characters, as in the REST API."""
_REMEDY = "the tables are account.config, account.secret, device.config and device.secret; values are text"


@dataclass
class ConfigValues:
    """Values for config fetches."""

    account_config: dict[str, str] = field(default_factory=dict)
    account_secret: dict[str, str] = field(default_factory=dict, repr=False)
    device_config: dict[str, str] = field(default_factory=dict)
    device_secret: dict[str, str] = field(default_factory=dict, repr=False)

    def find(self, item: ConfigItem) -> tuple[ConfigItemResult, bytes]:
        """Return an item's result and value."""
        values: dict[str, str] = getattr(self, f"{item.scope}_{item.store}")
        if item.key not in values:
            return "KEYNOTFOUND", b""
        return "OK", values[item.key].encode("utf-8")

    def answer(self, request: ConfigRequest) -> ConfigAnswer:
        """Return the answer to a request, as far as it has room."""
        answer = ConfigAnswer(request.exchange, "OK", tuple(map(self.find, request.items)))
        return answer if config_size(answer) <= request.room else ConfigAnswer(request.exchange, "RESPONSETOOLARGE")


class ConfigFile:
    """Whoever has the values of a file. They are read once. Raises `NetworkSettingError`."""

    def __init__(self, path: Path) -> None:
        self._values = read(path)

    def send(self, request: Request, reply: Reply) -> None:
        """Answer a config fetch."""
        if isinstance(request, ConfigRequest):
            reply(self._values.answer(request))

    def close(self) -> None:
        """There is nothing to end."""


def read(path: Path) -> ConfigValues:
    """Read a file of values. Raises `NetworkSettingError`."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise NetworkSettingError(f"cannot read {path}: {error.strerror}", _REMEDY) from error
    except UnicodeDecodeError:
        raise NetworkSettingError(f"{path} is not UTF-8", "write it as text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise NetworkSettingError(f"{path} is not TOML: {error}", "mend the line that is named") from None
    tables = {}
    for scope, stores in data.items():
        if scope not in SCOPES or not isinstance(stores, dict):
            raise NetworkSettingError(f"{path} has {_named(scope)}, which is no scope", _REMEDY)
        for store, entries in stores.items():
            if store not in STORES or not isinstance(entries, dict):
                raise NetworkSettingError(f"{path} has {scope}.{_named(store)}, which is no table of values", _REMEDY)
            tables[f"{scope}_{store}"] = {
                key: _checked(value, key, f"{path}, [{scope}.{store}]") for key, value in entries.items()
            }
    return ConfigValues(**tables)


def _checked(value: Any, key: str, where: str) -> str:  # noqa: ANN401 - whatever TOML can say
    """Return a value that a device can ask for."""
    if not key or len(key) > LONGEST_CONFIG_KEY or not key.isascii() or not key.isprintable():
        raise NetworkSettingError(
            f"{where}: {_named(key)} is no key", f"a key has 1 to {LONGEST_CONFIG_KEY} characters of printable ASCII"
        )
    if not isinstance(value, str):
        raise NetworkSettingError(f"{where}: the value of {key} is no text", "write it between quotation marks")
    if len(value) > LONGEST_VALUE:
        raise NetworkSettingError(
            f"{where}: the value of {key} has {len(value)} characters", f"a value has at most {LONGEST_VALUE}"
        )
    return value


def _named(key: str) -> str:
    """Return a key as it can be shown: one that is too long may be a value in the wrong place."""
    return repr(key) if len(key) <= LONGEST_CONFIG_KEY else f"a name of {len(key)} characters"

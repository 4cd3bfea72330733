"""Make, list and change devices of the cloud.

\b
  $ mvsdk device create kitchen
  kitchen is UV5f0c...; it lies in …/mvsdk/devices/kitchen
  $ mvsdk device list

A device made here has an identity and a token, which lie in a folder of this machine: `mvsdk emulate --device kitchen
--cloud` is that device. DEVICE is a SID or a unique name.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mvsdk.cloud.client import CloudClient
from mvsdk.errors import CloudError
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table, printable
from mvsdk_cli.device_folder import device_folder, devices_home
from mvsdk_cli.update_policy import policy_fields, policy_options, policy_rows

if TYPE_CHECKING:
    from mvsdk.emulator.cloud_identity import CloudIdentity

_AUTHORITY = "cloud-ca.pem"
"""What a device verifies its cloud against, beside the file with its identity."""


cloud_ca_option = click.option(
    "--cloud-ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="What devices verify the cloud's own certificate against (PEM); default: REQUESTS_CA_BUNDLE, else what the "
    "system trusts.",
)


@click.group("device", help=__doc__)
def command() -> None:
    """Make, list and change devices of the cloud."""


@command.command("create")
@click.argument("name", required=False)
@click.option("--count", type=click.IntRange(1, 10_000), metavar="N", help="Make so many, named NAME-1 and so on.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Give them a tag; may be given more than once.")
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Put what the devices have to know there, a file each, and not among this machine's devices.",
)
@click.option("--certificate", "certified", is_flag=True, help="Give them a key and a certificate in place of a token.")
@cloud_ca_option
@json_option
def create(
    name: str | None,
    count: int | None,
    tags: tuple[str, ...],
    export: Path | None,
    certified: bool,
    cloud_ca: Path | None,
    as_json: bool,
) -> None:
    """Make a device in the cloud, and a folder for it here: `mvsdk emulate --device NAME --cloud` is that device.

    With --export nothing is made among this machine's devices: DIR has NAME.json for each, with URL, SID and token, for
    whoever provisions them. One that is in DIR already is not made again, so that an interrupted run can be repeated.

    With --certificate a device shows a certificate of the cloud's own authority, for which the cloud has to speak TLS.
    Its key is made here and stays beside NAME.json, as NAME.key.pem; nobody is told its token.
    """
    client = cloud_client()
    maker = _Maker.of(client, certified=certified, cloud_ca=cloud_ca)
    if export is not None:
        _export(maker, name, count or 1, tags, export, as_json=as_json)
        return
    if count is not None:
        raise click.UsageError("Several devices are made into a folder of their own: give --export DIR too.")
    device = _create_here(maker, name)
    for one in tags:
        client.post("mvsdk", "v1", "Devices", device["sid"], "Tags", Tag=one)
    if as_json:
        print_json(device)
    else:
        folder = Path(device["folder"])
        click.echo(f"{folder.name} is {device['sid']}; it lies in {folder}")


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes devices of a cloud, and what they have to know: a token or a certificate, and whom to take for the cloud.

    `authority` is the content of that file, None for what the system trusts.
    """

    client: CloudClient
    certified: bool
    authority: bytes | None

    @classmethod
    def of(cls, client: CloudClient, *, certified: bool, cloud_ca: Path | None) -> _Maker:
        """Return what makes devices as the options say. Raises CloudError where the cloud cannot have such."""
        encrypted = client.url.startswith("https:")
        if certified and not encrypted:
            raise CloudError(
                f"the cloud at {client.url} speaks no TLS, so devices cannot show it certificates",
                "start it with --tls-certificate and --tls-key, or make devices with tokens",
            )
        usual = Path(os.environ.get("REQUESTS_CA_BUNDLE", ""))
        file = cloud_ca or (usual if usual.is_file() else None)
        return cls(client, certified, file.read_bytes() if file and encrypted else None)

    def make(self, name: str | None) -> dict[str, Any]:
        """Make a device in the cloud, and return it as the API does."""
        device: dict[str, Any] = self.client.post("mvsdk", "v1", "Devices", **({"UniqueName": name} if name else {}))
        return device

    def provision(self, device: dict[str, Any], file: Path, prefix: str) -> None:
        """Write what a device has to know into `file`, after the files beside it, whose names begin with `prefix`."""
        from mvsdk.emulator.cloud_identity import CloudIdentity

        self.write(CloudIdentity(self.client.url, device["sid"], device["token"]), file, prefix)

    def let_trust(self, folder: Path) -> None:
        """Let the device in a folder take what the cloud signs: bundles that were uploaded without a signature."""
        from mvsdk.files import write_whole

        own = self.client.get("mvsdk", "v1", "Signers")["own"]
        (folder / "trusted").mkdir(exist_ok=True)
        write_whole(folder / "trusted" / "cloud.pem", own["public_key"].encode("ascii"))

    def write(self, identity: CloudIdentity, file: Path, prefix: str) -> None:
        """Write who a device is, with what it shows and trusts as this maker makes it."""
        from mvsdk.files import write_whole
        from mvsdk.link.certificates import certificate_request

        if self.authority is not None:
            identity = replace(identity, authority=_AUTHORITY)
            write_whole(file.with_name(_AUTHORITY), self.authority)
        if self.certified:
            certificate, private = f"{prefix}certificate.pem", f"{prefix}key.pem"
            identity = replace(identity, token=None, certificate=certificate, key=private)
            key, request = certificate_request()
            place = ("mvsdk", "v1", "Devices", identity.device, "Certificate")
            signed = self.client.post(*place, Request=request.decode())
            write_whole(file.with_name(private), key, mode=0o600)
            write_whole(file.with_name(certificate), signed["certificate"].encode())
        identity.write_file(file)


def _export(maker: _Maker, name: str | None, count: int, tags: tuple[str, ...], folder: Path, *, as_json: bool) -> None:
    """Make devices, and a file for each."""
    width = len(str(count))
    names: list[str | None] = [None] * count
    if name is not None:
        names = [f"{name}-{number:0{width}}" for number in range(1, count + 1)] if count > 1 else [name]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for one in names:
        if one is not None and (folder / f"{one}.json").exists():
            continue
        device = maker.make(one)
        own = one or device["sid"]
        file = folder / f"{own}.json"
        maker.provision(device, file, f"{own}.")
        for tag_name in tags:
            maker.client.post("mvsdk", "v1", "Devices", device["sid"], "Tags", Tag=tag_name)
        made.append({"sid": device["sid"], "unique_name": one, "file": str(file)})
    if as_json:
        print_json(made)
    else:
        click.echo(f"made {len(made)} devices; what they have to know lies in {folder}")


def _create_here(maker: _Maker, name: str | None) -> dict[str, Any]:
    """Make a device and its folder on this machine; return it, with the folder."""
    from mvsdk import boards
    from mvsdk.emulator.cloud_identity import FILE
    from mvsdk.emulator.device_directory import DeviceDirectory

    with _reserved_folder(name) as reserved:
        device = maker.make(name)
        folder = reserved if name else reserved.rename(reserved.with_name(device["sid"]))
    with DeviceDirectory(folder, boards.load(), device["sid"]):
        maker.provision(device, folder / FILE, "")
        maker.let_trust(folder)
    if maker.certified:
        device.pop("token")
    return {**device, "folder": str(folder)}


@contextlib.contextmanager
def _reserved_folder(name: str | None) -> Iterator[Path]:
    """Make the folder of a device that is going to be made; it goes again if that fails.

    So nothing is made in the cloud that could not be kept here.
    """
    from mvsdk.cloud.identifiers import NAME_LENGTH, is_unique_name

    if name is not None and not is_unique_name(name):
        raise click.UsageError(
            f"'{name}' cannot name a device: names have up to {NAME_LENGTH} characters, no slash, and look like no SID."
        )
    home = devices_home(os.environ)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = home / name if name else Path(tempfile.mkdtemp(prefix=".new-", dir=home))
        if name:
            folder.mkdir(mode=0o700)
    except OSError as error:
        if home.is_dir() and isinstance(error, FileExistsError):
            raise CloudError(
                f"there is a device '{name}' on this machine already, in {home / str(name)}",
                "choose another name, or remove that folder",
            ) from error
        raise CloudError(
            f"cannot make a folder for the device in {home}: {error.strerror}", "name another place: MVSDK_DEVICES"
        ) from error
    try:
        yield folder
    except BaseException:
        folder.rmdir()
        raise


@command.command("list")
@click.option("--cohort", metavar="EXPRESSION", help='Only these, for example "tag=kitchen and not online".')
@json_option
def list_devices(cohort: str | None, as_json: bool) -> None:
    """List all devices, or those of a cohort."""
    client = cloud_client()
    devices = list(client.listed("v1", "Devices"))
    if cohort is not None:
        meant = {device["sid"] for device in client.get("mvsdk", "v1", "Cohort", Expression=cohort)["devices"]}
        devices = [device for device in devices if device["sid"] in meant]
    if as_json:
        print_json(devices)
        return
    rows = [
        (device["unique_name"] or "", device["sid"], device["app"]["target_sid"] or "", device["app"]["update_status"])
        for device in devices
    ]
    print_table(("name", "sid", "target app", "update"), rows)


@command.command("show")
@click.argument("device")
@json_option
def show(device: str, as_json: bool) -> None:
    """Show one device. What is in brackets was not said for this device, but for its app, for all, or by nobody."""
    _render(cloud_client(), device, as_json=as_json)


@command.command("tag")
@click.argument("device")
@click.argument("tags", nargs=-1)
@click.option("--remove", multiple=True, metavar="TAG", help="Take a tag away; may be given more than once.")
@json_option
def tag(device: str, tags: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Give a device TAGS, or take some away, and show what it has; also the facts that it tells of itself."""
    client, place = cloud_client(), ("mvsdk", "v1", "Devices", device, "Tags")
    for one in tags:
        client.post(*place, Tag=one)
    for one in remove:
        client.delete(*place, one)
    shown = client.get(*place)
    if as_json:
        print_json(shown)
    else:
        rows = [("tag", one) for one in shown["tags"]]
        facts = [(f"fact.{name}", printable(value)) for name, value in shown["facts"].items()]
        print_table(("", ""), rows + facts)


@command.command("update")
@click.argument("device")
@click.option("--name", metavar="NAME", help="Unique name to give it.")
@click.option("--app", metavar="APP", help="App it is to run, by SID or unique name.")
@click.option("--logging/--no-logging", default=None, help="Want its log for the next 24 hours, or no longer.")
@click.option("--restart", is_flag=True, help="Restart its application.")
@policy_options
@click.option("--reset-policy", is_flag=True, help="Leave to the account how it updates itself, where not said here.")
@json_option
def update(
    device: str,
    name: str | None,
    app: str | None,
    logging: bool | None,
    restart: bool,
    trial_seconds: int | None,
    trial_needs_session: bool | None,
    bytes_per_hour: int | None,
    reset_policy: bool,
    as_json: bool,
) -> None:
    """Change a device. How it updates itself is said for all apps from then on, in place of what the account says."""
    fields = {
        "UniqueName": name,
        "TargetApp": app,
        "LoggingEnabled": None if logging is None else str(logging).lower(),
        "RestartApp": "true" if restart else None,
    }
    given = {field: value for field, value in fields.items() if value is not None}
    policy = policy_fields(trial_seconds, trial_needs_session, bytes_per_hour, reset=reset_policy)
    if not (given or policy):
        raise click.UsageError("Nothing to change: give at least one option.")
    client = cloud_client()
    if policy:
        client.post("mvsdk", "v1", "Devices", device, "UpdatePolicy", **policy)
    if given:
        device = client.post("v1", "Devices", device, **given)["sid"]
    _render(client, device, as_json=as_json)


@command.command("certificate")
@click.argument("device")
@click.argument("request", type=click.File("rb"), required=False)
@cloud_ca_option
@json_option
def certificate(device: str, request: BinaryIO | None, cloud_ca: Path | None, as_json: bool) -> None:
    """Sign a DEVICE's certificate REQUEST (PEM, P-256) and print the certificate.

    The device may show it in place of its token, to a cloud with TLS. The one that it had before counts no longer.

    Without a REQUEST, a device that lies on this machine gets a new key and a certificate for it, in its folder, and
    shows no token from then on.
    """
    if request is None:
        _certify_here(device, cloud_ca, as_json=as_json)
        return
    if cloud_ca is not None:
        raise click.UsageError("--cloud-ca is for a device of this machine: leave REQUEST out.")
    text = request.read().decode(errors="replace")
    signed = cloud_client().post("mvsdk", "v1", "Devices", device, "Certificate", Request=text)
    if as_json:
        print_json(signed)
    else:
        click.echo(signed["certificate"], nl=False)


def _certify_here(device: str, cloud_ca: Path | None, *, as_json: bool) -> None:
    """Give a device of this machine a new key and certificate, unless it runs: it would not hear of them."""
    from mvsdk import boards
    from mvsdk.emulator.cloud_identity import FILE, CloudIdentity
    from mvsdk.emulator.device_directory import DeviceDirectory

    folder = device_folder(device, os.environ)
    maker = _Maker.of(cloud_client(), certified=True, cloud_ca=cloud_ca)
    identity = CloudIdentity.read(folder)
    with DeviceDirectory(folder, boards.load(), identity.device):
        identity = CloudIdentity.read(folder)
        maker.write(replace(identity, url=maker.client.url), folder / FILE, "")
    if as_json:
        print_json({"device_sid": identity.device, "folder": str(folder)})
    else:
        click.echo(f"{folder.name} has a new certificate; it lies in {folder}")


def _render(client: CloudClient, name: str, *, as_json: bool) -> None:
    device = client.get("v1", "Devices", name)
    policy = client.get("mvsdk", "v1", "Devices", device["sid"], "UpdatePolicy")
    if as_json:
        print_json({**device, "update_policy": policy})
        return
    flat = {**device, **{f"app {key}": value for key, value in device["app"].items()}}
    flat["logging until"] = device["logging"]["date_expires"]
    hidden = {"app", "logging", "links", "url", "account_sid"}
    rows = [(key, value if value is not None else "") for key, value in flat.items() if key not in hidden]
    print_table(("", ""), [*rows, *policy_rows(policy)])

"""Make a bundle from the program of the project, or from any IMAGE.

\b
  $ mvsdk bundle
  build/blinky.zip: 5520 bytes of application, signed by development (3186a36bf2d6a956)
  $ mvsdk bundle firmware/other.hex --key release --minimum-kernel-version 7
  firmware/other.zip: 5520 bytes of application, signed by release (37e8265e69a214f2)

IMAGE is an ELF file, a raw .bin that starts at the first byte of flash, or Intel HEX. Without it, it is what
`mvsdk build` made. The bundle is build/NAME.zip for a project, otherwise it lies beside the image.

The signing key is --key, else the one in MVSDK_SIGNING_KEY, else your development key, which is made on first use.
Options of the manifest that are not given come from [bundle] in mvsdk.toml of the project the image belongs to.
The same input and key give the same bytes, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mvsdk_cli.console import json_option, nearby, print_json, warn

if TYPE_CHECKING:
    from mvsdk.bundle import ManifestOptions
    from mvsdk.project.configuration import Project

_FILE = click.Path(path_type=Path, dir_okay=False)
_COUNT = click.IntRange(0, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class _Job:
    """What to bundle, and where to. `options` are those of the project, by the names of ManifestOptions."""

    image: Path
    output: Path
    board: str | None
    options: dict[str, Any]


@click.command("bundle", help=__doc__)
@click.argument("image", required=False, type=_FILE)
@click.option("-o", "--output", type=_FILE, help="Where to write the bundle.")
@click.option("--key", metavar="NAME|FILE", help="The key to sign with: a name of `mvsdk keys list`, or a PEM file.")
@click.option("--unsigned", is_flag=True, help="Do not sign; `mvsdk sign` can do so later.")
@click.option("-k", "--debug-auth-pubkey", type=_FILE, help="PEM public key of who may debug remotely.")
@click.option(
    "--connection-grace-time",
    "connection_grace_time_sec",
    type=_COUNT,
    metavar="SECONDS",
    help="The manifest's connection_grace_time_sec.",
)
@click.option(
    "--minimum-check-in-time",
    "minimum_check_in_time_sec",
    type=_COUNT,
    metavar="SECONDS",
    help="How often to look for updates; 0: always stay online.",
)
@click.option("--minimum-kernel-version", type=_COUNT, metavar="N", help="Oldest kernel that may run it.")
@click.option(
    "--maximum-politeness-time",
    "maximum_politeness_time_sec",
    type=_COUNT,
    metavar="SECONDS",
    help="How long an update waits for the application to agree.",
)
@click.option(
    "--rollback-counter",
    type=_COUNT,
    metavar="N",
    help="A device that confirmed this bundle takes none with a smaller number.",
)
@click.option(
    "--may-replace-counter",
    type=_COUNT,
    metavar="N",
    help="A permitted downgrade: devices whose counter is at most N take it nevertheless.",
)
@click.option(
    "--minimum-restart-interval",
    "minimum_restart_ms",
    type=_COUNT,
    metavar="MS",
    help="Restart a crashing application no more often.",
)
@click.option(
    "--maximum-restart-interval",
    "maximum_restart_ms",
    type=_COUNT,
    metavar="MS",
    help="Restart a crashing application at least this often.",
)
@click.option("--crash-report-key", "crash_report_pubkey", type=_FILE, help="PEM public key to encrypt reports for.")
@click.option("--crash-stack-bytes", "include_stack_bytes", type=_COUNT, metavar="N", help="Stack in a crash report.")
@json_option
def command(
    image: Path | None, output: Path | None, key: str | None, unsigned: bool, as_json: bool, **given: int | Path | None
) -> None:
    """Make a signed bundle from the build or from any image."""
    from mvsdk import boards
    from mvsdk.bundle import create, read_image, vector_table_problem
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import key_document, key_text, keyring

    if key and unsigned:
        raise click.UsageError("--key and --unsigned exclude each other.")
    job = _job(image, output)
    board = boards.load(job.board) if job.board else boards.load()
    program = read_image(job.image, board)
    options = _options(job.options | {name: value for name, value in given.items() if value is not None})
    name, signer = (None, None) if unsigned else keyring().signer(key)
    data = create(program, options, signer)
    problem = vector_table_problem(program, board)
    if problem:
        warn(f"no device can start this image: {problem}")
    write_whole(job.output, data)
    signed = f"signed by {key_text(name, signer.public.id)}" if signer else "unsigned"
    if as_json:
        print_json(
            {
                "bundle": str(job.output),
                "size": len(data),
                "image_size": len(program.data),
                "signer": key_document(name, signer.public.id) if signer else None,
                "warnings": [problem] if problem else [],
            }
        )
    else:
        click.echo(f"{job.output}: {len(program.data)} bytes of application, {signed}")


def _job(image: Path | None, output: Path | None) -> _Job:
    from mvsdk.project.configuration import Project

    project: Project | None
    if image is None:
        project = Project.find(Path.cwd())
        image = _built(project)
    else:
        project = _project_around(image)
    output = output or image.with_suffix(".zip")
    if output.absolute() == image.absolute():
        raise click.UsageError(f"The bundle would replace its image, {image}.")
    if project is None:
        return _Job(image, output, None, {})
    return _Job(image, output, project.board, dict(project.bundle))


def _project_around(image: Path) -> Project | None:
    from mvsdk.project.configuration import Project
    from mvsdk.project.errors import NoProjectError

    try:
        return Project.find(image.parent)
    except NoProjectError:
        return None


def _built(project: Project) -> Path:
    from mvsdk.bundle import ImageFileError

    image = nearby(project.elf)
    if not image.exists():
        raise ImageFileError(f"{image} is not there yet", "run `mvsdk build` first, or name the image to bundle")
    return image


def _options(values: dict[str, Any]) -> ManifestOptions:
    from mvsdk.bundle import ManifestOptions
    from mvsdk.keys import read_public_key

    read: dict[str, Any] = {
        name: read_public_key(value).point if isinstance(value, Path) else value for name, value in values.items()
    }
    return ManifestOptions(**read)

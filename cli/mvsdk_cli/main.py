"""The entry point: find the command, run it, and turn every error into two lines and an exit status."""

from __future__ import annotations

import importlib
import os
import sys

import click

from mvsdk import __version__
from mvsdk.errors import MvsdkError
from mvsdk_cli.console import render_error

COMMANDS = {
    "new": "Create an application project.",
    "build": "Compile the application.",
    "bundle": "Make a signed bundle from the build or from any image.",
    "sign": "Sign an unsigned bundle.",
    "verify": "Check a bundle as a device would.",
    "inspect": "Show what is in a bundle.",
    "emulate": "Run a bundle on the emulated device.",
    "probes": "List debug probes, real and emulated.",
    "flash": "Write a bundle into the flash of a board.",
    "run": "Flash a board, start it and show its log.",
    "reset": "Reset a board.",
    "erase": "Erase the flash of a board.",
    "read-memory": "Read memory of a board.",
    "debug": "Debug a bundle on the emulated device with GDB.",
    "factory": "Make what the factory writes to new devices.",
    "prove-update": "Prove that no loss of power or network can spoil an update.",
    "cloud": "Run the local cloud.",
    "deploy": "Build, upload, and let devices run the application.",
    "rollout": "Let many devices run an app, stage by stage.",
    "device": "Make, list and change devices of the cloud.",
    "logs": "Show what a device of the cloud has logged.",
    "config": "Set and read config values of the cloud.",
    "secret": "Set secrets of the cloud.",
    "keys": "Make, list and show signing keys.",
    "doctor": "Check this machine and say how to mend it.",
    "cmake-directory": "Print the folder of the SDK's CMake package.",
    "completion": "Print the shell completion script.",
}
"""Every command with its one-line help, so that `mvsdk --help` need not import them."""


def module_name(command: str) -> str:
    """Return the name a command's module has in `commands/`."""
    return command.replace("-", "_")


class LazyGroup(click.Group):
    """A group whose commands are imported only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command asked for."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"mvsdk_cli.commands.{module_name(cmd_name)}").command
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"Did you mean `mvsdk {near[0]}`?" if near else "`mvsdk --help` lists them."
            raise click.UsageError(f"There is no command '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mvsdk", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Build, sign, emulate and manage Microvisor applications, open and local."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed, 2 wrong usage; a command may document more."""
    as_json = "--json" in sys.argv[1:]
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        status = 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        usage = f"{context.command_path if context else 'mvsdk'} --help shows how it is used"
        render_error(MvsdkError(error.format_message(), usage), as_json=as_json)
        status = error.exit_code
    except MvsdkError as error:
        render_error(error, as_json=as_json)
        status = 1
    except BrokenPipeError:
        # The reader went away (`mvsdk … | head`): that is its right, and nothing is left to say.
        _give_up_output()
        status = 0
    except OSError as error:
        # Standard output may be what failed, so nothing more goes there.
        _give_up_output()
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        remedy = "check that the path exists and may be used, and that the disk is not full"
        render_error(MvsdkError(what, remedy), as_json=False)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _give_up_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

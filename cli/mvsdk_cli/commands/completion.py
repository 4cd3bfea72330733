"""Print the completion script for a shell.

$ mvsdk completion bash >> ~/.bashrc
$ mvsdk completion zsh >> ~/.zshrc
$ mvsdk completion fish > ~/.config/fish/completions/mvsdk.fish
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion", help=__doc__)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes `shell` complete mvsdk's commands and options."""
    completion_class = get_completion_class(shell)
    assert completion_class is not None  # noqa: S101 - click has all three
    root = ctx.find_root().command
    click.echo(completion_class(root, {}, "mvsdk", "_MVSDK_COMPLETE").source())

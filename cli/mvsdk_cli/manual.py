"""Writes docs/commands/: one page per command, from the command itself.

$ python -m mvsdk_cli.manual            # write
$ python -m mvsdk_cli.manual --check    # compare, exit status 1 if a page is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mvsdk_cli.main import COMMANDS, cli, module_name

DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "commands"
NOTE = "<!-- Written from cli/mvsdk_cli/commands/{name}.py by `make docs`; edit that. -->"


def pages() -> dict[str, str]:
    """Return every page's text by its file name."""
    root = click.Context(cli, info_name="mvsdk", terminal_width=100)
    texts = {"index.md": _index()}
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None  # noqa: S101 - COMMANDS lists them
        texts[f"{name}.md"] = _page(name, command, root)
    return texts


def _index() -> str:
    rows = "".join(f"| [mvsdk {name}]({name}.md) | {help_line} |\n" for name, help_line in COMMANDS.items())
    return (
        f"<!-- Written from cli/mvsdk_cli/main.py by `make docs`. -->\n\n# Commands\n\n| command | |\n|---|---|\n{rows}"
    )


def _page(name: str, command: click.Command, parent: click.Context) -> str:
    return "\n\n".join([NOTE.format(name=module_name(name)), *_sections(name, command, parent, "#")]) + "\n"


def _sections(name: str, command: click.Command, parent: click.Context, mark: str) -> list[str]:
    """Return the heading and help of a command, and of those below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
    sections = [f"{mark} {context.command_path}", _help(name, command, parent)]
    if isinstance(command, click.Group):
        for sub_name in command.list_commands(context):
            sub_command = command.get_command(context, sub_name)
            assert sub_command is not None  # noqa: S101 - listed just now
            sections += _sections(sub_name, sub_command, context, "##")
    return sections


def _help(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
    return "```\n" + command.get_help(context).strip() + "\n```"


def main() -> None:
    """Write the pages, or with --check compare them."""
    texts = pages()
    if sys.argv[1:] == ["--check"]:
        stale = [name for name, text in texts.items() if _read(name) != text]
        if stale:
            sys.exit(f"stale in docs/commands: {', '.join(stale)}; run `make docs`")
        return
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


def _read(name: str) -> str | None:
    path = DIRECTORY / name
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    main()

"""Values that never stand on a command line: from a file, from standard input, or typed without being shown."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from mvsdk.errors import CloudError

file_option = click.option(
    "--from-file", type=click.File("rb"), metavar="FILE", help="File with the value; - is standard input."
)


def read_hidden(file: BinaryIO | None, prompt: str) -> str:
    """Return the value: a file's text without the line end behind it, or what is typed twice."""
    if file is None:
        if not sys.stdin.isatty():
            raise click.UsageError("Give the value with --from-file FILE, or --from-file - for standard input.")
        typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
        return typed
    try:
        text = file.read().decode()
    except UnicodeDecodeError as error:
        raise CloudError("the value is not UTF-8 text", "encode it, in base64 for example") from error
    return text.removesuffix("\n").removesuffix("\r")

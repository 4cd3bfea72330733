"""Create an application project from a template.

The name becomes a CMake target, a file name and a word in C: letters, digits, "_" and "-", a letter first. The project
appears whole or not at all, and nothing that exists is replaced unless --force says so.

\b
$ mvsdk new blinky
Created blinky from template blinky in blinky
  cd blinky
  mvsdk build
  mvsdk bundle
  mvsdk emulate --for 5s

\b
$ mvsdk new 2nd-try
error: '2nd-try' cannot name a project: it must start with a letter (a-z, A-Z)
  fix: try: mvsdk new app_2nd-try
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from mvsdk.project.scaffold import DEFAULT_TEMPLATE, Scaffold, scaffold, templates
from mvsdk_cli.console import json_option, print_json, print_table


@click.command("new", help=__doc__)
@click.argument("name", required=False)
@click.option("--template", default=DEFAULT_TEMPLATE, show_default=True, help="What to start from; see --list.")
@click.option("--directory", type=click.Path(path_type=Path), help="The project's folder.  [default: NAME]")
@click.option("--force", is_flag=True, help="Replace files of the same names in an existing folder.")
@click.option("--list", "as_list", is_flag=True, help="Show the templates, a line each.")
@json_option
def command(
    *, name: str | None, template: str, directory: Path | None, force: bool, as_list: bool, as_json: bool
) -> None:
    """Scaffold a project, or list the templates."""
    if as_list:
        _show_templates(as_json=as_json)
        return
    if name is None:
        raise click.UsageError("Which NAME? For example: mvsdk new blinky")
    made = scaffold(template, name, directory or Path(name), force=force)
    if as_json:
        print_json(
            {"name": made.name, "template": made.template, "directory": str(made.directory), "files": made.files}
        )
    else:
        _show_next_steps(made)


def _show_templates(*, as_json: bool) -> None:
    known = templates()
    if as_json:
        print_json([{"name": template.name, "description": template.description} for template in known])
    else:
        print_table(("TEMPLATE", "DESCRIPTION"), ((template.name, template.description) for template in known))


def _show_next_steps(made: Scaffold) -> None:
    where = os.path.relpath(made.directory)
    click.echo(f"Created {made.name} from template {made.template} in {where}")
    steps = ["mvsdk build", "mvsdk bundle", "mvsdk emulate --for 5s"]
    for step in steps if where == "." else [f"cd {where}", *steps]:
        click.echo(f"  {step}")

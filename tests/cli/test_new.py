"""`mvsdk new`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import mvsdk


def entries(directory: Path) -> list[str]:
    """Return the names in a folder, hidden ones too, sorted."""
    return sorted(path.name for path in directory.iterdir())


def test_a_new_project_has_what_a_project_needs_and_the_next_steps_are_printed(tmp_path: Path) -> None:
    """`mvsdk new NAME` makes ./NAME from the default template and says how to go on."""
    done = mvsdk("new", "blinky", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Created blinky from template blinky in blinky",
        "  cd blinky",
        "  mvsdk build",
        "  mvsdk bundle",
        "  mvsdk emulate --for 5s",
    ]
    made = entries(tmp_path / "blinky")
    assert {"README.md", ".gitignore", ".github", "CMakeLists.txt", "CMakePresets.json", "mvsdk.toml", "src"} <= set(
        made
    )
    assert "template.toml" not in made
    assert entries(tmp_path) == ["blinky"]


def test_the_folder_can_be_another_one(tmp_path: Path) -> None:
    """--directory says where; in the folder one stands in, there is no `cd` among the next steps."""
    (tmp_path / "here").mkdir()
    done = mvsdk("new", "blinky", "--template", "minimal", "--directory", ".", cwd=tmp_path / "here")
    assert done.stdout.splitlines()[:2] == ["Created blinky from template minimal in .", "  mvsdk build"]
    assert 'name = "blinky"' in (tmp_path / "here" / "mvsdk.toml").read_text()


def test_templates_are_listed_with_a_line_each(tmp_path: Path) -> None:
    """--list prints a line per template and makes nothing; with --json it is a list of names and descriptions."""
    listed = json.loads(mvsdk("new", "--list", "--json", cwd=tmp_path).stdout)
    lines = mvsdk("new", "--list", cwd=tmp_path).stdout.splitlines()
    assert {"blinky", "minimal", "cpp"} <= {template["name"] for template in listed}
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        [template["name"], template["description"]] for template in listed
    ]
    assert entries(tmp_path) == []


def test_json_tells_every_file(tmp_path: Path) -> None:
    """With --json the answer is one document that lists exactly the files that were made."""
    made = json.loads(mvsdk("new", "blinky", "--json", cwd=tmp_path).stdout)
    assert (made["name"], made["template"], made["directory"]) == ("blinky", "blinky", str(tmp_path / "blinky"))
    on_disk = [path for path in (tmp_path / "blinky").rglob("*") if path.is_file()]
    assert sorted(made["files"]) == sorted(str(path.relative_to(tmp_path / "blinky")) for path in on_disk)


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (["2nd try"], "'2nd try' cannot name a project: it must start with a letter", "mvsdk new app_2nd_try"),
        (["while"], "'while' cannot name a project: it is a word of C or C++", "mvsdk new while_app"),
        (["test"], "'test' cannot name a project: it is a target CMake keeps", "mvsdk new test_app"),
        (["../up"], "'../up' cannot name a project", "mvsdk new up"),
        (["blinky", "--template", "blinkx"], "there is no template 'blinkx'", "blinky"),
        (["taken"], "exists and holds: thesis.txt", "--force"),
        (["blinky", "--directory", "no/such/place"], "there is no folder", "mkdir -p"),
    ],
)
def test_what_cannot_be_is_refused_in_two_lines(tmp_path: Path, arguments: list[str], what: str, fix: str) -> None:
    """Bad input ends with status 1 and two lines: what happened and what to do; and the folder is as it was."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    done = mvsdk("new", *arguments, cwd=tmp_path)
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert first.startswith("error: ")
    assert what in first
    assert second.startswith("  fix: ")
    assert fix in second
    assert entries(tmp_path) == ["taken"]
    assert entries(tmp_path / "taken") == ["thesis.txt"]


def test_an_error_is_also_json(tmp_path: Path) -> None:
    """With --json a refusal is a document on standard output."""
    done = mvsdk("new", "int", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"].startswith("'int' cannot name a project")


def test_a_missing_name_is_wrong_usage(tmp_path: Path) -> None:
    """Without a name the status is 2 and an example is given."""
    done = mvsdk("new", cwd=tmp_path)
    assert done.returncode == 2
    assert "mvsdk new blinky" in done.stderr


def test_force_renews_the_templates_files(tmp_path: Path) -> None:
    """--force brings a spoilt file of the template back and leaves the user's own alone."""
    mvsdk("new", "blinky", cwd=tmp_path)
    (tmp_path / "blinky" / "CMakeLists.txt").write_text("spoilt")
    (tmp_path / "blinky" / "mine.txt").write_text("mine")
    assert mvsdk("new", "blinky", cwd=tmp_path).returncode == 1
    assert mvsdk("new", "blinky", "--force", cwd=tmp_path).returncode == 0
    assert "mvsdk_add_application(blinky" in (tmp_path / "blinky" / "CMakeLists.txt").read_text()
    assert (tmp_path / "blinky" / "mine.txt").read_text() == "mine"

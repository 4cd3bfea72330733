"""A project appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mvsdk.project.errors import ProjectNameError, ScaffoldError
from mvsdk.project.scaffold import DEFAULT_TEMPLATE, scaffold, templates


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one template, "plain"."""
    template = tmp_path / "templates" / "plain"
    files = {
        "template.toml": b'description = "one file of each sort"\n',
        "CMakeLists.txt": b"project(@name@)\nadd_executable(@name@ src/@name@.c)\n",
        "dot-gitignore": b"/build/\n",
        "dot-github/workflows/build.yml": b"name: @name@\n",
        "src/@name@.c": b"int main(void) { return 0; } // @name@ @other@\n",
        "logo.bin": bytes(range(256)),
    }
    for name, data in files.items():
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_bytes(data)
    script = template / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return tmp_path / "templates"


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """Return an empty folder to work in."""
    folder = tmp_path / "workshop"
    folder.mkdir()
    return folder


def contents(directory: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def entries(directory: Path) -> list[str]:
    """Return the names in a folder, hidden ones too, sorted."""
    return sorted(path.name for path in directory.iterdir())


def test_every_file_but_the_description_is_copied_with_the_name_filled_in(root: Path, workshop: Path) -> None:
    """A project has the template's files, renamed and filled in, and nothing else is touched in them."""
    made = scaffold("plain", "blinky", workshop / "blinky", root=root)
    assert contents(made.directory) == {
        "CMakeLists.txt": b"project(blinky)\nadd_executable(blinky src/blinky.c)\n",
        ".gitignore": b"/build/\n",
        ".github/workflows/build.yml": b"name: blinky\n",
        "src/blinky.c": b"int main(void) { return 0; } // blinky @other@\n",
        "logo.bin": bytes(range(256)),
        "run.sh": b"#!/bin/sh\n",
    }
    assert set(made.files) == set(contents(made.directory))
    assert entries(workshop) == ["blinky"]


def test_modes_are_those_of_new_files_and_scripts_stay_executable(root: Path, workshop: Path) -> None:
    """Files and folders get the modes the user's umask gives anything new; what was executable still is."""
    made = scaffold("plain", "blinky", workshop / "blinky", root=root).directory
    (workshop / "new").mkdir()
    (workshop / "new" / "file").touch()
    assert made.stat().st_mode == (workshop / "new").stat().st_mode
    assert (made / "CMakeLists.txt").stat().st_mode == (workshop / "new" / "file").stat().st_mode
    assert os.access(made / "run.sh", os.X_OK)
    assert not (made / "logo.bin").stat().st_mode & 0o111


def test_an_existing_folder_is_refused_and_named(root: Path, workshop: Path) -> None:
    """A folder with something in it is left as it was, and what stands in the way is listed."""
    target = workshop / "blinky"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(ScaffoldError, match=r"exists and holds: thesis\.txt") as refusal:
        scaffold("plain", "blinky", target, root=root)
    assert "--force" in refusal.value.remedy
    assert contents(workshop) == {"blinky/thesis.txt": b"mine"}


def test_files_that_would_be_lost_are_the_ones_listed(root: Path, workshop: Path) -> None:
    """When files of the template are there already, the refusal lists those, dangling links included."""
    target = workshop / "blinky"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    (target / "CMakeLists.txt").write_text("mine too")
    (target / ".gitignore").symlink_to("nowhere")
    with pytest.raises(ScaffoldError) as refusal:
        scaffold("plain", "blinky", target, root=root)
    assert refusal.value.what.endswith("holds: .gitignore, CMakeLists.txt")


def test_force_replaces_the_templates_files_and_no_others(root: Path, workshop: Path) -> None:
    """With force, files of the same names are replaced, others stay, and a link is replaced rather than followed."""
    target = workshop / "blinky"
    (target / "src").mkdir(parents=True)
    (target / "src" / "mine.c").write_text("mine")
    (target / "CMakeLists.txt").write_text("old")
    (workshop / "precious").write_text("precious")
    (target / ".gitignore").symlink_to(workshop / "precious")
    scaffold("plain", "blinky", target, force=True, root=root)
    after = contents(workshop)
    assert after["blinky/src/mine.c"] == b"mine"
    assert after["blinky/CMakeLists.txt"].startswith(b"project(blinky)")
    assert after["blinky/.gitignore"] == b"/build/\n"
    assert after["precious"] == b"precious"
    assert entries(workshop) == ["blinky", "precious"]


def test_an_empty_folder_is_filled(root: Path, workshop: Path) -> None:
    """A folder that is empty holds nothing to lose; it is filled, and stays the same folder."""
    target = workshop / "blinky"
    target.mkdir()
    before = target.stat().st_ino
    scaffold("plain", "blinky", target, root=root)
    assert target.stat().st_ino == before
    assert (target / "CMakeLists.txt").is_file()


@pytest.mark.parametrize("in_the_way", ["src/blinky.c/folder", "src"])
def test_force_refuses_files_and_folders_of_each_others_names(root: Path, workshop: Path, in_the_way: str) -> None:
    """A folder where a file belongs, or a file where a folder belongs, is refused before anything is written."""
    target = workshop / "blinky"
    (target / in_the_way).parent.mkdir(parents=True)
    (target / in_the_way).write_text("mine")
    with pytest.raises(ScaffoldError, match=r"is a (folder|file) where the template has a (file|folder)"):
        scaffold("plain", "blinky", target, force=True, root=root)
    assert contents(workshop) == {f"blinky/{in_the_way}": b"mine"}


def test_a_file_in_place_of_the_folder_is_refused(root: Path, workshop: Path) -> None:
    """A file of the project's name is not replaced, not even with force."""
    (workshop / "blinky").write_text("mine")
    with pytest.raises(ScaffoldError, match="is not a folder"):
        scaffold("plain", "blinky", workshop / "blinky", force=True, root=root)
    assert contents(workshop) == {"blinky": b"mine"}


def test_the_folder_above_must_exist(root: Path, workshop: Path) -> None:
    """A project is not put under a folder that is not there; the remedy makes that folder."""
    with pytest.raises(ScaffoldError, match="there is no folder") as refusal:
        scaffold("plain", "blinky", workshop / "no" / "blinky", root=root)
    assert refusal.value.remedy.startswith("make it first: mkdir -p")
    assert entries(workshop) == []


def test_an_unknown_template_is_answered_with_the_known_ones(root: Path, workshop: Path) -> None:
    """A template that does not exist is refused with the list of those that do."""
    with pytest.raises(ScaffoldError, match="no template 'plane'") as refusal:
        scaffold("plane", "blinky", workshop / "blinky", root=root)
    assert "plain" in refusal.value.remedy


def test_a_bad_name_writes_nothing(root: Path, workshop: Path) -> None:
    """A name that cannot be is refused before anything is written."""
    with pytest.raises(ProjectNameError):
        scaffold("plain", "../escape", workshop / "blinky", root=root)
    assert entries(workshop) == []


@pytest.mark.parametrize("exists", [False, True])
def test_a_write_that_fails_leaves_nothing(root: Path, workshop: Path, exists: bool) -> None:
    """When the system refuses one file of many, none of the others remains."""
    (root / "plain" / f"z{'@name@' * 8}.txt").write_text("its name becomes longer than a file system allows")
    name = "n" * 48
    if exists:
        (workshop / name).mkdir()
    with pytest.raises(ScaffoldError, match="cannot write the project"):
        scaffold("plain", name, workshop / name, root=root)
    assert contents(workshop) == {}
    assert entries(workshop) == ([name] if exists else [])


KILLED_WHILE_WRITING = """
import resource, signal, sys
from pathlib import Path
from mvsdk.project.scaffold import scaffold
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
scaffold("plain", "blinky", Path(sys.argv[1]), root=Path(sys.argv[2]))
"""


@pytest.mark.parametrize("exists", [False, True])
def test_a_killed_scaffold_leaves_no_project_and_the_next_one_cleans_up(
    root: Path, workshop: Path, exists: bool
) -> None:
    """A maker killed in the middle of a file leaves no project; what it had begun goes when the next one is made."""
    target = workshop / "blinky"
    if exists:
        target.mkdir()
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, target, root], check=False)
    assert killed.returncode < 0
    assert len(entries(workshop)) == 1
    assert exists == target.exists()
    assert all(name.startswith(".blinky.mvsdk-new-") for name in entries(target if exists else workshop))
    made = scaffold("plain", "blinky", target, root=root)
    assert entries(workshop) == ["blinky"]
    assert set(contents(target)) == set(made.files)


def test_the_work_of_a_living_maker_is_left_alone(root: Path, workshop: Path) -> None:
    """Another process that is making the same project keeps its unfinished work."""
    other = workshop / ".blinky.mvsdk-new-other"
    other.mkdir()
    descriptor = os.open(other, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    scaffold("plain", "blinky", workshop / "blinky", root=root)
    os.close(descriptor)
    assert entries(workshop) == [".blinky.mvsdk-new-other", "blinky"]


def test_the_installation_has_templates_with_one_line_each() -> None:
    """Every template that travels with the SDK says in one line what it is; the default one is among them."""
    known = {template.name: template.description for template in templates()}
    assert DEFAULT_TEMPLATE in known
    assert {"minimal", "cpp"} <= set(known)
    assert all(text and "\n" not in text for text in known.values())

"""The generated files: fresh, the same every time, and sound."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mvsdk import abi
from mvsdk.abi import generate
from mvsdk.abi.generate.__main__ import main

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = "docs/reference/microvisor/mvNoOp.md"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A source checkout in which everything has just been generated."""
    (tmp_path / "board-support").mkdir()
    generate.write(abi.load(), tmp_path)
    return tmp_path


def test_the_files_in_the_repository_are_fresh() -> None:
    """What is committed is what the tables say."""
    assert generate.stale(abi.load(), CHECKOUT) == []


def test_writing_twice_changes_nothing(checkout: Path) -> None:
    """A second run finds every file up to date."""
    assert generate.write(abi.load(), checkout) == []
    assert not [path for path in checkout.rglob("*") if path.name.startswith(".")]


def test_every_file_says_where_it_comes_from() -> None:
    """Each generated file begins with a comment that names the tables and the command."""
    for path, text in generate.render(abi.load()).items():
        beginning = text[:200]
        assert beginning.startswith(("/*", "<!--")), path
        assert "mvsdk/abi/microvisor" in beginning
        assert "python -m mvsdk.abi.generate" in beginning
        assert text.endswith("\n")
        assert "\r" not in text


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_tables_give_the_same_bytes(seed: str) -> None:
    """No order depends on how Python hashes strings."""
    check = [sys.executable, "-m", "mvsdk.abi.generate", "--check", "--root", str(CHECKOUT)]
    run = subprocess.run(check, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_edited_file_is_stale_until_written_again(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` names an edited file and fails; writing mends it; then the check passes."""
    fresh = (checkout / PAGE).read_bytes()
    (checkout / PAGE).write_bytes(fresh + b"\n")
    assert main(["--check", "--root", str(checkout)]) == 1
    assert capsys.readouterr().out == f"stale: {PAGE}\nrun python -m mvsdk.abi.generate\n"
    assert main(["--root", str(checkout)]) == 0
    assert capsys.readouterr().out == f"written: {PAGE}\n"
    assert (checkout / PAGE).read_bytes() == fresh
    assert main(["--check", "--root", str(checkout)]) == 0


def test_missing_and_left_over_files_are_stale(checkout: Path) -> None:
    """A file that is gone is written again, a page of a call that no longer exists is removed."""
    left_over = "docs/reference/microvisor/mvRetired.md"
    (checkout / PAGE).unlink()
    (checkout / left_over).write_text("old")
    assert generate.stale(abi.load(), checkout) == [PAGE, left_over]
    assert generate.write(abi.load(), checkout) == [PAGE, left_over]
    assert (checkout / PAGE).is_file()
    assert not (checkout / left_over).exists()


def test_only_a_source_checkout_is_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without board-support is a usage error, and stays empty."""
    with pytest.raises(SystemExit) as caught:
        main(["--root", str(tmp_path)])
    assert caught.value.code == 2
    assert "no source checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_call_has_a_page_and_is_in_the_index() -> None:
    """The pages are the calls, the index and the types; the index links to each call."""
    pages = {Path(path).name: text for path, text in generate.render(abi.load()).items() if path.endswith(".md")}
    calls = abi.load().syscalls
    assert pages.keys() == {"index.md", "types.md", *(f"{name}.md" for name in calls)}
    for call in calls.values():
        page = pages[f"{call.name}.md"]
        assert f"({call.name}.md)" in pages["index.md"]
        assert f"`{call.address:#010x}`" in page
        assert all(f"`{item.name}`" in page and item.note in page for item in call.parameters)
        assert all(status.when.replace("|", "\\|") in page for status in call.statuses)


def test_links_lead_somewhere() -> None:
    """Every link of a page names a page that exists and a heading it has."""
    pages = {Path(path).name: text for path, text in generate.render(abi.load()).items() if path.endswith(".md")}
    anchors = {
        name: {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        for name, text in pages.items()
    }
    links = [(name, link) for name, text in pages.items() for link in re.findall(r"\]\(([^)]*)\)", text)]
    assert len(links) > len(pages)
    for name, link in links:
        target, _, anchor = link.partition("#")
        assert (target or name) in pages, link
        assert not anchor or anchor in anchors[target or name], link


def test_tables_have_the_cells_of_their_head() -> None:
    """No text breaks a Markdown table: each row has as many cells as its head."""
    for path, text in generate.render(abi.load()).items():
        width = 0
        for line in text.splitlines() if path.endswith(".md") else []:
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert width in (0, cells) or not cells, line
            width = cells

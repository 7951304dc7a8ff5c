"""What stands under docs/results is what the suites make of the tables beside it."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.pages import STORED, command, command_of
from benchmarks.results import HEAVY, LIGHT, Result, code_alone, code_of, with_age

RESULTS = Path(__file__).parents[2] / "docs/results"


@pytest.mark.parametrize("name", STORED)
def test_the_stored_page_is_what_its_tables_say(name: str, tmp_path: Path) -> None:
    folder = RESULTS / name
    machine = json.loads((folder / "machine.json").read_text("utf-8"))
    STORED[name](folder, name).write(tmp_path, command_of(folder / "README.md"), machine)
    for path in tmp_path.iterdir():
        stored = (folder / path.name).read_bytes()
        if path.name == "README.md":  # whether it is older than the code is said when pages are written
            stored = with_age(stored.decode(), machine).encode()
        assert path.read_bytes() == stored, path.name


def test_a_page_says_when_it_is_older_than_the_code(tmp_path: Path) -> None:
    result = Result("How fast?", "So fast.", [])
    result.write(tmp_path, "python -m benchmarks cost")
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "another version" not in page
    assert "parts" not in page
    machine = json.loads((tmp_path / "machine.json").read_text("utf-8"))
    assert f"code {machine['code']}" in page
    older = with_age(page, machine | {"code": "0" * 12})
    assert older.splitlines()[2].startswith("*Made with another version of the code* on 20")
    assert with_age(page, {k: v for k, v in machine.items() if k != "parts"}) == older  # as pages of before
    assert with_age(older, machine) == page
    command(tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == page


def test_what_changes_no_figure_does_not_make_a_page_old() -> None:
    plain = "import numpy\n\nX = 3\n\ndef f(x):\n    return x + 1\n\nclass A:\n    pass\n"
    told = '"""A file."""\nimport numpy  # why\n\n\nX = 3\n"""Three."""\n\n\ndef f(x):\n    """Adds."""\n    return (\n'
    told += '        x + 1\n    )\n\n\nclass A:\n    """A."""\n'
    assert code_alone(plain) == code_alone(told) != code_alone(plain.replace("1", "2"))
    assert "'text'" in code_alone("x = 'text'\n")
    assert len({code_of(LIGHT), code_of(HEAVY), code_of((*LIGHT, "students"))}) == 3


def test_every_forest_is_named_for_what_it_is() -> None:
    for page in RESULTS.rglob("README.md"):
        text = page.read_text("utf-8")
        assert "| evolvepro" not in text, page
        if "EVOLVEpro's top layer" in text:
            assert "EVOLVEpro itself reads" in text or "which is for proteins" in text, page


def test_every_page_names_a_command_and_a_machine() -> None:
    pages = list(RESULTS.rglob("README.md"))
    assert len(pages) > 20
    for page in pages:
        assert re.search(r"^Made by `(python -m benchmarks \S+|make prior)", page.read_text("utf-8"), re.MULTILINE), (
            page
        )
        assert (page.parent / "machine.json").exists(), page

"""What is printed: names as they are, sentences in the words of the command line, bars only once something is done."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import activeloop.cli
from activeloop.cli import main
from activeloop.cli.terminal import console, new_table, printable, progress_bar, progress_bars, say, show_table

NAMES = ["c1cc[nH]c1", "[/x]", "a[/s]b", "[red]K2R[/red]", "[bold]", ":smile:", "C[n+]1ccccc1", "[link=x]y[/link]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_as_they_are(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "60")
    say(f"best {name}")
    show_table(f"title {name}", ("rank", name), [("1", name)])
    table = new_table()
    table.add_column()
    table.add_row(name)
    console().print(table)
    console().print(name)
    said = capsys.readouterr().out
    assert said.count(name) == 6


def test_what_would_steer_the_terminal_is_shown_instead(capsys):
    steering = "\x1b[31m\x07\r\x9b2J\u202e\x00"
    say(f"name {steering}", error=True)
    show_table("", ("x",), [(steering,)])
    said = "".join(capsys.readouterr())
    assert not set(steering[:1] + "\x07\r\x9b\u202e\x00") & set(said)
    assert "\\x1b[31m\\x07\\r\\x9b2J\\u202e\\x00" in said
    assert printable("two\nlines\tof µ, 蛋白 and 🧬") == "two\nlines\tof µ, 蛋白 and 🧬"


def test_a_long_name_is_folded_and_not_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    name = "C1CC[nH]" * 20
    show_table("", ("candidate", "value"), [(name, "1")])
    said = capsys.readouterr().out
    assert "…" not in said
    assert name == "".join(c for c in said if c in "C1[nH]")[-len(name) :] or said.count("[nH]") >= 15


def test_a_bar_appears_with_the_first_step(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(ValueError, match="wrong"), progress_bar("Working on [x]"):
        raise ValueError("wrong")
    assert capsys.readouterr().err == ""
    with progress_bar("Working on [x]") as show:
        show(1, 2)
    assert "Working on [x]" in capsys.readouterr().err
    with progress_bars({"[a]": "[a]", "b": "[/b]"}, "things", keep=True) as several:
        several("[a]", 1, 2)
        several("b", 2, 2)
    said = capsys.readouterr().err
    assert "[a]" in said
    assert "[/b]" in said


@pytest.mark.parametrize("words", [("record", "c", "r\udcff.csv"), ("new", "c", "--assay", "k\udcff"), ("\udcff",)])
def test_words_that_are_no_text_are_refused(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "is not text in UTF-8: rename the file" in said
    assert "\\udcff" in said


def test_too_little_memory_is_a_sentence(capsys, monkeypatch):
    def starved(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("activeloop.cli.status.opened", starved)
    with pytest.raises(SystemExit) as end:
        main(["status", "c"])
    assert end.value.code == 1
    assert "not enough memory" in capsys.readouterr().err


def test_nothing_else_prints():
    """Only `terminal.py` names rich, `typer.echo` or `print`."""
    folder = Path(activeloop.cli.__file__).parent
    for path in folder.glob("*.py"):
        if path.name == "terminal.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "echo":
                assert path.name == "__init__.py", path  # the version
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich"):
                assert {alias.name for alias in node.names} <= {"Table"}, path


def test_nothing_is_drawn_where_nobody_looks(capsys):
    for steps in (0, 3):
        with progress_bar("Working") as show:
            for step in range(steps):
                show(step, steps)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("propose", "c", "--seed", "x"), "Invalid value for '--seed': it must be a whole number"),
        (("new", "c", "--assay", "a", "--price", "x"), "Invalid value for '--price': it must be a number"),
        (("predict", "c", "--draws", "-1"), "it must be at least 0"),
        (("void", "c", "x"), "it must be a whole number"),
        (("propose", "c", "--seed", "9" * 5000), "Invalid value for '--seed': give a smaller number"),
        (
            ("new", "c", "--assay", "a", "--goal", "[x]"),
            "Invalid value for '--goal': '[x]' is not one of 'find', 'learn'",
        ),
        (("new", "c"), "Missing option '--assay'"),
        (("status",), "Missing argument"),
    ],
)
def test_wrong_options_are_named_in_plain_words(capsys, words, message):
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Usage: " in said
    assert "Input should" not in said

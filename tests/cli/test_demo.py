"""The demonstration finds what was planted, and touches nothing that is not its own."""

from pathlib import Path

import pytest

from activeloop.cli.demonstration import ROUNDS, best_after, demonstrate, planted, random_baseline
from activeloop.errors import InputError

README = Path(__file__).parents[2] / "README.md"


def test_the_demo_finds_the_planted_best_and_writes_one_page(tmp_path: Path) -> None:
    story = demonstrate(tmp_path / "demo", seed=0)
    page = story.report.read_text(encoding="utf-8")
    assert story.found
    assert story.verdict.split(" plates: ")[0] in README.read_text(encoding="utf-8")
    assert page.count("<svg") == ROUNDS + 1
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert (tmp_path / "demo" / "campaign" / "campaign.db").exists()


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not an old demo"):
        demonstrate(tmp_path, seed=0)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_random_baseline_and_the_curve_are_correct() -> None:
    landscape = planted()
    baseline, spread = random_baseline(landscape, [10, len(landscape.values) - 10], seed=0)
    assert baseline[1] == pytest.approx(landscape.values.max())
    assert spread[1] == pytest.approx(0, abs=1e-12)
    names = [landscape.pool[i].name for i in range(3)]
    assert best_after(landscape, [names[:1], names[1:]])[1] == pytest.approx(landscape.values[:3].max())

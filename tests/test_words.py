"""Sentences in the words of who reads them."""

import pytest

from activeloop.words import fields_named, worded


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("1 plates hold 1 candidates of 21 rows", "1 plate hold 1 candidate of 21 rows"),
        ("0.1 rows, K-1 rows and 1,001 values", "0.1 rows, K-1 rows and 1,001 values"),
        ("Give the wild type (parent=...).", "Give the wild type (--wild-type)."),
        ("keep the first (merge_duplicates=True).", "keep the first (--merge-duplicates)."),
        ("(--skip-unreadable, skip_unreadable=True)", "(--skip-unreadable)"),
        (
            "several plates (fill_plates), or (--column a=..., in Python the argument columns)",
            "several plates, or (--column a=...)",
        ),
        ("the folder `plates` (in Python: the argument plates), or", "the folder `plates`, or"),
        ('--column "a=x" (columns={"a": "x"}), or', '--column "a=x", or'),
        ("Give offset=+3, or another", "Give --offset 3, or another"),
        ("forest(trees=7, masked=True)", "forest(trees=7, masked=True)"),
    ],
)
def test_sentences_are_in_the_words_of_the_command_line(sentence, said):
    assert worded(sentence) == said


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("keep the first (merge_duplicates=True).", "keep the first (merge_duplicates)."),
        ("use --source-volume, not -x or a--b", "use source_volume, not -x or a--b"),
        ("then `activeloop new c --singles`, --offset 3", "then `activeloop new c --singles`, offset 3"),
    ],
)
def test_sentences_are_in_the_words_of_the_api(sentence, said):
    assert fields_named(sentence) == said

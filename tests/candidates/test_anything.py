"""Whatever comes in, the answer is a result or an InputError: never another exception."""

from __future__ import annotations

import contextlib
import gzip

from candidate_strategies import modest
from hypothesis import example, given
from hypothesis import strategies as st

from activeloop.candidates import GuideNotation, Pool, SequenceNotation, VariantNotation, find_offset
from activeloop.candidates.proteins import read_parent
from activeloop.errors import InputError
from activeloop.tables import parse_number

WILD_TYPE = "MKTAYIAKQR"
fragments = st.sampled_from(
    [
        *"AKTXB*-=_:;,/ +()[]Δ²٣",
        "A4G",
        "K2R",
        "p.",
        "Ala4Gly",
        "del",
        "ins",
        "fs",
        "WT",
        "9" * 30,
        WILD_TYPE,
        "\x00",
        "é",
    ]
)
texts = st.lists(fragments, max_size=6).map("".join) | st.text(max_size=12)


@modest
@given(texts)
@example("A" + "1" * 5000 + "G")
@example("²")
def test_any_text(text):
    for read in (
        VariantNotation(WILD_TYPE, sites=(2, 4)).design,
        SequenceNotation(4).design,
        GuideNotation().design,
        parse_number,
        read_parent,
    ):
        with contextlib.suppress(InputError):
            read(text)
    find_offset([text], WILD_TYPE)


lines = st.lists(st.lists(texts, min_size=1, max_size=3).map(",".join), max_size=5).map("\n".join)
contents = st.binary(max_size=60) | lines.map(str.encode) | lines.map(lambda t: f"mutant,sequence\n{t}".encode())


@modest
@given(contents, st.booleans(), st.sampled_from(["variants", "guides", "compounds"]), st.none() | st.just(WILD_TYPE))
def test_any_file(tmp_path_factory, content, packed, kind, parent):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    with contextlib.suppress(InputError):
        pool = Pool.from_table(path, kind, parent=parent, skip_unreadable=True, merge_duplicates=True)
        assert len(pool.names(range(len(pool)))) == len(pool)
        if pool.sites is not None:
            assert len(pool.codes()) == len(pool)

"""What a pretrained model thinks of mutations before anything was measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EsmForMaskedLM

from activeloop.candidates import Pool
from activeloop.candidates.designs import AMINO_ACIDS, Compound, Mutation, Sequence, Variant
from activeloop.errors import PoolError
from activeloop.foundation import ESM2, ZeroShot, zero_shot_table
from activeloop.foundation.windows import ResidueTokens, Windows
from activeloop.foundation.zero_shot import joint_scores
from activeloop.foundation.zero_shot_passes import log_pseudo_perplexity
from activeloop.priors.substitutions import substitution_scores

CHAIN = "MKTAYIAKQRQISFVK"


def raw(folder: str) -> EsmForMaskedLM:
    return EsmForMaskedLM.from_pretrained(folder, attn_implementation="eager").eval()


def by_hand(folder: str, hidden: list[int], chain: str = CHAIN) -> np.ndarray:
    """Log-probabilities [T, V] of a chain with some residues (from 0) hidden, by transformers alone."""
    alphabet = ESM2(folder).alphabet
    ids = [*alphabet.before, *(int(alphabet.ids[ord(a)]) for a in chain), *alphabet.after]
    for place in hidden:
        ids[len(alphabet.before) + place] = alphabet.mask
    with torch.no_grad():
        logits = raw(folder)(torch.tensor([ids])).logits
    return torch.log_softmax(logits[0].double(), 1).numpy()


def expected(folder: str, hidden: list[int], place: int, new: str) -> float:
    logp, ids = by_hand(folder, hidden), ESM2(folder).alphabet.ids
    return logp[place + 1, ids[ord(new)]] - logp[place + 1, ids[ord(CHAIN[place])]]


@pytest.fixture
def rescaling(tiny: str, tmp_path: Path) -> str:
    """The same weights, of a model that rescales what it reads when something is hidden, as ESM-2 itself does."""
    model = raw(tiny)
    model.config.token_dropout = True
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_bytes((Path(tiny) / "vocab.txt").read_bytes())
    return str(tmp_path)


def test_spaced_marginals_hide_every_twelfth(tiny: str):
    pool = Pool.single_mutants(CHAIN, positions=[2, 14, 15])
    table = zero_shot_table(ESM2(tiny), pool, "spaced")
    for site, place, hidden in ((0, 1, [1, 13]), (1, 13, [1, 13]), (2, 14, [14])):
        for code in (0, 10):
            new = pool.sites.alphabet[code]
            assert table[site, code] == pytest.approx(expected(tiny, hidden, place, new), abs=1e-5)


@pytest.mark.parametrize("rescaled", [False, True])
def test_masked_marginals(tiny: str, rescaling: str, rescaled: bool):
    folder = rescaling if rescaled else tiny
    pool = Pool.single_mutants(CHAIN)
    scores = ZeroShot(ESM2(folder)).features(pool, np.arange(len(pool)))[:, 0]
    for row in (0, 40, 111, 303):
        mutation = pool.design(row).mutations[0]
        place = mutation.position - 1
        assert scores[row] == pytest.approx(expected(folder, [place], place, mutation.new), abs=1e-5)
    if rescaled:
        assert not np.allclose(scores, ZeroShot(ESM2(tiny)).features(pool, np.arange(len(pool)))[:, 0])


def test_wild_type_marginals(tiny: str):
    pool = Pool.single_mutants(CHAIN, positions=[3, 9])
    scores = ZeroShot(ESM2(tiny), "wild-type").features(pool, np.arange(38))[:, 0]
    mutation = pool.design(30).mutations[0]
    assert scores[30] == pytest.approx(expected(tiny, [], mutation.position - 1, mutation.new), abs=1e-5)


def test_multiple_mutants_are_sums_or_joint(tiny: str):
    pool = Pool.combinatorial(CHAIN, sites=[2, 7])
    rows = np.array([5, 77, 200])
    table = zero_shot_table(ESM2(tiny), pool)
    summed = ZeroShot(ESM2(tiny)).features(pool, rows)[:, 0]
    joint = ZeroShot(ESM2(tiny), "joint").features(pool, rows)[:, 0]
    for row, a, b in zip(rows, summed, joint, strict=True):
        codes = pool.codes(np.array([row]))[0]
        assert a == pytest.approx(table[0, codes[0]] + table[1, codes[1]], abs=1e-5)
        changed = [p for p, same in zip((1, 6), codes == pool.sites.parent, strict=True) if not same]
        letters = {p: pool.sites.alphabet[c] for p, c in zip((1, 6), codes, strict=True)}
        assert b == pytest.approx(sum(expected(tiny, changed, p, letters[p]) for p in changed), abs=1e-5)
    assert not np.allclose(summed, joint)
    singles = Pool.single_mutants(CHAIN)
    np.testing.assert_allclose(
        joint_scores(ESM2(tiny), singles, np.arange(50)),
        ZeroShot(ESM2(tiny)).features(singles, np.arange(50))[:, 0],
        atol=1e-5,
    )


def test_pseudo_perplexity(tiny: str):
    foundation = ESM2(tiny)
    ids = ESM2(tiny).alphabet.ids
    found = log_pseudo_perplexity(
        foundation.frozen_encoder(), foundation.tokens_of([CHAIN]), ResidueTokens.of(foundation, "").mask
    )
    loss = [-by_hand(tiny, [place])[place + 1, ids[ord(CHAIN[place])]] for place in range(len(CHAIN))]
    assert found == pytest.approx(np.mean(loss), abs=1e-5)


def test_insertions_and_deletions(tiny: str):
    changed, gone, added = Mutation(2, "K", "R"), Mutation(4, "A", ""), Mutation(3, "", "GG")
    pool = Pool.of([Variant(CHAIN, found) for found in ((changed,), (gone,), (added,), (changed, gone))])
    table = zero_shot_table(ESM2(tiny), pool)
    usual = substitution_scores(pool.sites)
    assert table.shape == usual.shape
    np.testing.assert_array_equal(table[np.arange(len(table)), pool.sites.parent], 0.0)
    known = [pool.sites.alphabet.index(a) for a in AMINO_ACIDS]
    gap, own = pool.sites.alphabet.index("-"), [0, -1]
    np.testing.assert_allclose(table[own, gap], table[own][:, known].min(1))
    scores = ZeroShot(ESM2(tiny), "perplexity").features(pool, np.arange(4))[:, 0]
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) == 4


def test_the_parent_scores_nothing(tiny: str):
    pool = Pool.of([Variant(CHAIN, ()), Variant(CHAIN, (Mutation(2, "K", "R"),))])
    for method in ("masked", "wild-type", "joint", "perplexity"):
        scores = ZeroShot(ESM2(tiny), method).features(pool, np.arange(2))[:, 0]
        assert scores[0] == pytest.approx(0, abs=1e-6)
        assert scores[1] != 0


def test_a_long_chain_is_read_in_windows(tiny: str):
    tokens = ESM2(tiny).tokens_of([CHAIN * 10])
    places = np.arange(160)
    windows = Windows.of(tokens, places, most=40)
    assert windows.ids.shape[1] == 42
    np.testing.assert_array_equal(windows.ids[windows.row, windows.column], tokens.ids[0, 1:-1])
    inside = (places >= 20) & (places < 140)
    assert windows.column[inside].min() >= 10
    assert windows.column[inside].max() <= 31
    whole = Windows.of(tokens, places)
    assert whole.ids.shape == (1, 162)


def test_what_cannot_be_scored_says_why(tiny: str):
    with pytest.raises(PoolError, match="wild type"):
        ZeroShot(ESM2(tiny)).features(Pool.of([Sequence("MKT"), Sequence("MKA")]), np.arange(2))
    compounds = Pool.of([Compound("CCO"), Compound("CCN")])
    with pytest.raises(PoolError, match="no sequence sites"):
        ZeroShot(ESM2(tiny)).features(compounds, np.arange(2))

"""The parts of a screen: the best of any pieces, samples that are random, tokens by copying, strata."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.acquisition import AcquisitionContext
from activeloop.candidates import Pool
from activeloop.prediction import Prediction
from activeloop.screening import MissEstimate, Stratum
from activeloop.screening.scorer import MarginalScore
from activeloop.screening.tokens import TokenWriter
from activeloop.screening.topk import Limits, TopKSample, highest, lowest_keys, ranked, shard_keys, strata_of
from activeloop.students.runtime.tokenizer import StudentTokenizer

WT = "MKTAYIAKQRQISFVKSHFSRQ"
SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=200)


@given(SCORES, st.integers(1, 50), st.randoms(use_true_random=False))
def test_the_highest_are_those_of_a_full_sort_in_any_order(scores, most, random):
    rows = list(range(0, 3 * len(scores), 3))
    pairs = list(zip(rows, scores, strict=True))
    wanted = {row for row, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:most]}
    random.shuffle(pairs)
    shuffled, values = np.array([r for r, _ in pairs]), np.array([s for _, s in pairs], float)
    assert set(shuffled[highest(shuffled, values, most)].tolist()) == wanted
    order = ranked(shuffled, values)
    assert shuffled[order[:most]].tolist() == sorted(wanted, key=lambda row: (-scores[row // 3], row))


@given(SCORES, st.integers(1, 200))
def test_parts_add_up_to_the_whole(scores, cut):
    limits = Limits(7, 3, np.array([1.5, 3.5]), 0)

    def part(low: int, high: int) -> TopKSample:
        rows, values = np.arange(low, high), np.array(scores[low:high], float)
        counts = np.bincount(strata_of(values, limits.edges), minlength=3)
        return TopKSample(rows, values, counts, len(rows), rows, values, shard_keys(rows, 0))

    whole = TopKSample.joined([part(0, len(scores))], limits).sorted()
    cut = min(cut, len(scores))
    parts = TopKSample.joined([part(cut, len(scores)), part(0, cut)], limits).sorted()
    for name, value in vars(whole).items():
        assert np.array_equal(value, getattr(parts, name)), name
    assert whole.counts.sum() == len(scores)
    assert np.bincount(strata_of(whole.sample_scores, limits.edges), minlength=3).max() <= 3


def test_shard_keys_are_even_and_depend_on_row_and_seed_alone():
    rows = np.arange(100_000)
    drawn = shard_keys(rows, 0)
    assert len(np.unique(drawn)) == len(rows)
    assert abs((drawn < 2**63).mean() - 0.5) < 0.01
    assert abs(np.corrcoef(drawn.astype(float), shard_keys(rows, 1).astype(float))[0, 1]) < 0.02
    assert abs(np.corrcoef(drawn[:-1].astype(float), drawn[1:].astype(float))[0, 1]) < 0.02
    times = np.zeros(1000)
    for seed in range(400):
        times[lowest_keys(np.zeros(1000, int), shard_keys(np.arange(1000), seed), 100)] += 1
    assert abs(times.mean() - 40) < 1e-9
    assert times.std() == pytest.approx(6.0, abs=0.6)  # that of a fair draw


SITES = [
    Pool.combinatorial(WT, [2, 5, 6, 20]),
    Pool.combinatorial(WT, [("K2", "KR"), ("A4", "A"), ("I6", "ILV"), ("K8", "DEKR")]),
    Pool.combinatorial(None, [(str(i), "ACGT") for i in range(1, 9)]),
    Pool.combinatorial(None, [("1", "01"), ("2", "10"), ("3", "01")]),
]


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(SITES), st.booleans(), st.data())
def test_copied_tokens_are_those_of_the_tokenizer(pool, sites, data):
    tokenizer = StudentTokenizer.of(pool, sites=sites)
    writer = TokenWriter.of(pool, tokenizer)
    assert writer is not None
    start = data.draw(st.integers(0, len(pool) - 1))
    rows = np.arange(start, min(len(pool), start + data.draw(st.integers(1, 3000))))
    rows = rows[:: data.draw(st.integers(1, 3))]
    assert writer.covers(rows)
    tokens = writer.tokens(rows)
    assert tokens.dtype == np.int32
    assert np.array_equal(tokens, tokenizer.tokens(pool, rows))


def test_six_sites_are_written_without_a_table_of_all():
    pool = Pool.combinatorial(WT, [2, 5, 6, 9, 12, 20])
    tokenizer = StudentTokenizer.of(pool)
    writer = TokenWriter.of(pool, tokenizer)
    assert writer is not None
    assert writer.endings.size <= 2**21
    for start in (0, 7990, 159_999, 63_995_000):
        rows = np.arange(start, start + 5000)
        assert np.array_equal(writer.tokens(rows), tokenizer.tokens(pool, rows))
    assert not writer.covers(np.array([0, 63_999_999]))


def test_other_pools_are_encoded_by_the_tokenizer():
    pool = Pool.single_mutants(WT)
    assert TokenWriter.of(pool, StudentTokenizer.of(pool)) is None


def test_estimates_follow_the_sample():
    nothing = MissEstimate(10, (Stratum("all", 1000, 1000, 0),))
    assert (nothing.estimate, nothing.interval) == (0.0, (0.0, 0.0))
    assert "nothing was left out" in str(nothing)
    half = MissEstimate(10, (Stratum("low", 1000, 100, 50),))
    assert half.estimate == 450
    assert half.interval[0] < 450 < half.interval[1]
    assert half.rate == 45
    unsampled = MissEstimate(10, (Stratum("low", 1000, 0, 0),))
    assert unsampled.interval == (0.0, 1000.0)
    assert MissEstimate(10, (Stratum("low", 1000, 200, 0, 0.0),)).normal_estimate == pytest.approx(400)


def test_several_assays_are_weighed_by_their_standard_deviation():
    prediction = Prediction(np.zeros((0, 2, 2)), np.array([[1.0, 0.0], [0.0, 60.0]]), np.zeros((2, 2)), np.zeros(2))
    rng = np.random.default_rng(0)
    blank = AcquisitionContext.blank(rng, 2)
    assert MarginalScore()(prediction, blank).argmax() == 1
    values = np.array([[0.0, 0.0], [1.0, 100.0], [np.nan, np.nan]])
    known = AcquisitionContext(blank.best_f, rng, blank.threshold, values)
    assert MarginalScore()(prediction, known).argmax() == 0


def test_a_screen_needs_no_torch():
    code = "import sys, activeloop.screening; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

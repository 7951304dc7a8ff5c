"""What joint draws cost: the pieces of the measurement, on a tiny network."""

from pathlib import Path

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.heads.dropout import DropoutHead
from benchmarks.draws import DOMAIN, SITES, domain_tokens, draws_result, dropout_costs, head_costs, one_pass
from benchmarks.proteins import random_encoder
from tools.pretrain.corpus import VOCABULARY
from tools.pretrain.model import Shape

POOL = Pool.combinatorial("VDGV", sites=[1, 2, 3, 4], letters="VDGW")


def test_the_domain_holds_the_four_letters():
    assert [DOMAIN[site] for site in SITES] == ["V", "D", "G", "V"]
    tokens = domain_tokens(POOL, np.arange(len(POOL)))
    letters = "".join(VOCABULARY[i] for i in tokens.ids[7][1:-1])
    changed = [letters[site] for site in SITES]
    assert "".join(changed) == "".join(POOL.sites.alphabet[c] for c in POOL.codes([7])[0])
    assert [a for i, a in enumerate(letters) if i not in SITES] == [a for i, a in enumerate(DOMAIN) if i not in SITES]


def test_costs_are_measured_and_written(tmp_path: Path):
    encoder = random_encoder(Shape(2, 16, 2, 32), seed=0)
    tokens = domain_tokens(POOL, np.arange(60))
    features, seconds = one_pass(encoder, tokens, 2)
    assert features.shape == (60, 64)
    assert (seconds > 0).all()
    values = np.random.default_rng(0).standard_normal(60)
    heads = list(head_costs(DropoutHead(), features, values, 1200, (4, 8), seconds))
    layers = dropout_costs(encoder, tokens.take(np.arange(4)), 3, 2)
    assert [cost.draws for cost in heads] == [4, 8]
    assert [cost.repeatable for cost in heads] == [True, True]
    assert [cost.repeatable for cost in layers[:2]] == [True, True]
    assert [cost.what for cost in layers[:3]] == [
        "dropout in the last 1 of 2 layers",
        "dropout in the last 2 of 2 layers",
        "naive: T passes",
    ]
    assert layers[0].most == 1.2 * (1 + 3 / 2)
    draws_result([("How heads.", heads), ("How layers.", layers)]).write(tmp_path, "python -m it")
    assert (tmp_path / "summary.csv").read_text().splitlines()[1].startswith("dropout,4,")
    assert "How layers." in (tmp_path / "README.md").read_text()
    assert "python -m it" in (tmp_path / "README.md").read_text()

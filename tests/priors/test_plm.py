"""The prior from a protein language model: what its tables read, and that another model's are refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EsmForMaskedLM

from activeloop.candidates import AMINO_ACIDS, Mutation, Pool, Sequence, Variant
from activeloop.errors import ModelError, PoolError, StateError
from activeloop.foundation import ESM2, FoundationModel
from activeloop.foundation.checkpoints import fingerprint
from activeloop.measurements import Dataset
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.registry import embedding_gp, fine_tuned, plm_prior
from activeloop.prediction import Learner
from activeloop.priors import PLMPrior
from activeloop.priors.plm import PROBABILITY_CONTEXTS, plm_features, probability_contexts, read_tables
from activeloop.priors.substitutions import CONTEXTS, COST, SubstitutionTables, kmer_hashes, substitution_scores
from tools.priors.fit import packed

#: of the tiny model
WIDTH = 32
CHAIN = "MQIFVKTLTGKTITLEVESSDTIDNVKSKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYN"


def planted(folder: Path, model: str, column: int, seen: str = "", factor: float = 1.0) -> str:
    """A file of two parts and all, each of whose tables gives one column of `plm_features` for every letter.

    Args:
        folder: where it goes.
        model: folder of the model that it is of.
        column: which one.
        seen: a chain that the first part holds; its table gives ten more.
        factor: of all.
    """
    columns = CONTEXTS + PROBABILITY_CONTEXTS + WIDTH
    tables = np.zeros((3, columns + 1, 20), np.float32)
    tables[:, CONTEXTS + column] = factor
    tables[0, -1] = 10.0
    words = np.unique(kmer_hashes(seen or "W" * 30))
    content = SubstitutionTables(tables, np.zeros(columns, np.float32), words, np.zeros(len(words), int))
    path = folder / "tables.npz"
    path.write_bytes(packed(content, model=np.frombuffer(bytes.fromhex(fingerprint(model)), np.uint8)))
    return str(path)


def by_transformers(folder: str, chain: str = CHAIN) -> tuple[np.ndarray, np.ndarray]:
    """[n, 20] log-probabilities among the amino acids, and [n, D] states after two of three layers, by the library."""
    ids = ESM2(folder).alphabet.ids
    tokens = [*ESM2(folder).alphabet.before, *(int(ids[ord(a)]) for a in chain), *ESM2(folder).alphabet.after]
    with torch.no_grad():
        output = EsmForMaskedLM.from_pretrained(folder).eval()(torch.tensor([tokens]), output_hidden_states=True)
    logits = output.logits[0, 1:-1, [int(ids[ord(a)]) for a in AMINO_ACIDS]]
    return torch.log_softmax(logits.double(), 1).numpy(), output.hidden_states[2][0, 1:-1].numpy()


def test_features_of_a_model_are_read_in_one_pass_and_cached(tiny: str, monkeypatch: pytest.MonkeyPatch):
    found, (probabilities, states) = plm_features(ESM2(tiny), CHAIN), by_transformers(tiny)
    np.testing.assert_allclose(found[:, :PROBABILITY_CONTEXTS], probability_contexts(CHAIN, probabilities), atol=1e-5)
    np.testing.assert_allclose(found[:, PROBABILITY_CONTEXTS:], states, atol=1e-5)
    monkeypatch.setattr(FoundationModel, "load", None)
    np.testing.assert_array_equal(plm_features(ESM2(tiny), CHAIN), found)


def test_contexts_tell_of_the_residue_its_neighbourhood_and_the_protein(tiny: str):
    probabilities, _ = by_transformers(tiny)
    contexts = probability_contexts(CHAIN, probabilities)
    assert contexts.shape == (len(CHAIN), PROBABILITY_CONTEXTS)
    own = probabilities[np.arange(len(CHAIN)), [AMINO_ACIDS.index(a) for a in CHAIN]]
    entropy = -(np.exp(probabilities) * probabilities).sum(1)
    np.testing.assert_allclose(contexts[:, :20], probabilities)
    np.testing.assert_allclose(contexts[:, 20:22], np.stack([own, entropy], 1))
    weight = np.exp(-0.5 * ((np.arange(len(CHAIN)) - 30) / 4.0) ** 2)
    np.testing.assert_allclose(contexts[30, 24:26], weight @ np.stack([own, entropy], 1) / weight.sum())
    np.testing.assert_allclose(contexts[:, 28], own.mean())
    np.testing.assert_allclose(contexts[:, 29], entropy.mean())


def test_scores_are_what_the_tables_make_of_them(tiny: str, tmp_path: Path):
    pool = Pool.single_mutants(CHAIN, positions=[2, 30])
    assert pool.sites is not None
    table = PLMPrior(ESM2(tiny), planted(tmp_path, tiny, column=4)).table(pool)
    own = [AMINO_ACIDS.index(CHAIN[1]), AMINO_ACIDS.index(CHAIN[29])]
    for site, place in enumerate((1, 29)):
        others = np.arange(20) != own[site]
        np.testing.assert_allclose(table[site, :20][others], by_transformers(tiny)[0][place, 4] - COST, atol=1e-5)
        assert table[site, pool.sites.parent[site]] == 0  # type: ignore[index]


def test_a_protein_that_was_learned_from_gets_the_table_that_has_not_seen_it(tiny: str, tmp_path: Path):
    pool = Pool.single_mutants(CHAIN)
    plain = PLMPrior(ESM2(tiny), planted(tmp_path, tiny, 4)).table(pool)
    (tmp_path / "seen").mkdir()
    blind = PLMPrior(ESM2(tiny), planted(tmp_path / "seen", tiny, 4, seen=CHAIN)).table(pool)
    assert pool.sites is not None
    mutated = np.arange(20) != pool.sites.parent[:, None]  # type: ignore[index]
    np.testing.assert_allclose((blind - plain)[:, :20][mutated], 10.0, atol=1e-5)


def test_a_variant_is_the_sum_of_its_mutations():
    one, two = Mutation(3, "I", "D"), Mutation(20, "S", "P")
    pool = Pool.of([Variant(CHAIN, parts) for parts in ((), (one,), (two,), (one, two))])
    values = PLMPrior().features(pool, np.arange(4))[:, 0]
    assert values[0] == 0
    assert values[3] == pytest.approx(values[1] + values[2], rel=1e-5)
    assert values[3] < min(values[1], values[2]) < 0


def test_those_of_the_package_belong_to_the_model_that_ships_and_say_something_else_than_without_it():
    pool = Pool.single_mutants(CHAIN)
    assert pool.sites is not None
    found, plain = PLMPrior().table(pool), substitution_scores(pool.sites)
    assert np.isfinite(found).all()
    agreement = np.corrcoef(found.ravel(), plain.ravel())[0, 1]
    assert 0.5 < agreement < 0.99


def test_tables_of_another_model_are_refused(tiny: str, tmp_path: Path):
    pool = Pool.single_mutants(CHAIN)
    with pytest.raises(ModelError, match=r"fitted on another model .* Nothing was scored"):
        PLMPrior(ESM2(tiny)).table(pool)
    with pytest.raises(ModelError, match=r"fitted on another model"):
        PLMPrior(ESM2(), planted(tmp_path, tiny, 0)).table(pool)


@pytest.mark.parametrize("content", [None, b"", b"no archive", "of the other prior"])
def test_what_is_no_file_of_tables_is_refused(content: bytes | str | None, tmp_path: Path):
    path = tmp_path / "tables.npz"
    if content is not None:
        path.write_bytes(packed(SubstitutionTables.shipped()) if isinstance(content, str) else content)
    with pytest.raises(ModelError, match=r"no file of tables .* Nothing was scored"):
        read_tables(str(path))


@pytest.mark.parametrize("made", [plm_prior, embedding_gp, partial(fine_tuned, epochs=1)])
def test_a_version_goes_on_with_its_own_tables_alone(made: Callable[..., Learner], tiny: str, tmp_path: Path):
    pool, rows = Pool.single_mutants(CHAIN), np.arange(0, 1000, 25)
    dataset = Dataset.of(pool, rows, np.sin(rows))
    learner = made(tiny, tables=planted(tmp_path, tiny, 4))
    fitted = learner.fit(dataset, 0)
    state = fitted.state()
    again = learner.restore(dataset, 0, state)
    before, after = (one.predict(pool, rows, 0, draws=3).draws for one in (fitted, again))
    np.testing.assert_array_equal(before, after)
    planted(tmp_path, tiny, 4, factor=2.0)
    with pytest.raises(StateError, match=r"tables.* has other contents.*Nothing was predicted"):
        learner.restore(dataset, 0, state)
    with pytest.raises(StateError, match="other contents"):
        made().restore(dataset, 0, state)


def test_before_any_measurement_the_prior_ranks(tiny: str, tmp_path: Path):
    pool = Pool.single_mutants(CHAIN)
    score = PLMPrior(ESM2(tiny), planted(tmp_path, tiny, 21))
    prediction = MutationGP(prior_score=score).prior(pool)
    assert prediction is not None
    rows = np.arange(len(pool))
    assert "informed-esm2-tiny-esm" in prediction.explain()
    mean = prediction.predict(pool, rows, 0, draws=2).mean[:, 0]
    np.testing.assert_allclose(mean, score.features(pool, rows)[:, 0], atol=1e-5)


def test_a_library_of_four_letters_has_no_context():
    table = PLMPrior().table(Pool.combinatorial("VDGV", sites=["V1", "D2", "G3", "V4"]))
    np.testing.assert_allclose(table[0], table[3])


def test_without_a_parent_there_is_no_mutation():
    pool = Pool.of([Sequence("WAFL"), Sequence("WAFM")])
    with pytest.raises(PoolError, match=r"no parent .* nothing was scored"):
        PLMPrior().features(pool, np.arange(2))


def test_letters_beside_the_twenty_are_read_as_x():
    np.testing.assert_array_equal(plm_features(ESM2(), "MQJFV*T"), plm_features(ESM2(), "MQXFVXT"))

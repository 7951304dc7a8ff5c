"""What every family of foundation models promises."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from families import FAMILIES, Family

from activeloop.candidates import Compound, Pool
from activeloop.errors import ModelError, PoolError
from activeloop.foundation import ESM2, FoundationModel
from activeloop.foundation.devices import has_bfloat16
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.pooling import Batch, Pooler


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.mktemp("families")
    return {name: family.make(base / str(i)) for i, (name, family) in enumerate(FAMILIES.items())}


@pytest.fixture(params=FAMILIES)
def case(request: pytest.FixtureRequest, made: dict[str, str]) -> tuple[Family, FoundationModel]:
    family = FAMILIES[request.param]
    return family, family.kind(made[request.param])


@pytest.fixture
def encoder(case: tuple[Family, FoundationModel]) -> TransformerEncoder:
    """To read only."""
    return case[1].frozen_encoder()


def rounding(features: np.ndarray) -> float:
    """By what features may differ that were computed in another minibatch."""
    return float(np.abs(features).max()) * (0.02 if has_bfloat16() else 1e-5)


def batch_of(foundation: FoundationModel, texts: list[str]) -> Batch:
    return Batch.of(foundation.tokens_of(texts))


def test_hidden_states_are_those_of_transformers(case: tuple[Family, FoundationModel], encoder: TransformerEncoder):
    family, foundation = case
    batch = batch_of(foundation, family.texts)
    with torch.no_grad():
        ours = encoder(batch.ids, batch.real)
        theirs = encoder.model.base_model(input_ids=batch.ids, attention_mask=batch.real.long()).last_hidden_state
    assert ours.shape == (*batch.ids.shape, encoder.width)
    torch.testing.assert_close(ours[batch.real], theirs[batch.real], rtol=1e-5, atol=1e-5)
    # layers and heads do something: without the last layer the result is another one
    short = encoder.finish(encoder.run(encoder.embed(batch.ids, batch.real), batch.real, stop=len(encoder.layers) - 1))
    assert (short - ours)[batch.real].abs().max() > 1e-2


def test_read_after_a_share_of_the_layers(case: tuple[Family, FoundationModel], encoder: TransformerEncoder):
    family, foundation = case
    assert foundation.share == 1
    assert foundation.feature_encoder() is encoder
    batch, half = batch_of(foundation, family.texts), replace(foundation, depth=0.5)  # type: ignore[type-var]
    shorter = half.feature_encoder()
    assert len(shorter.layers) == round(0.5 * len(encoder.layers)) < len(encoder.layers)
    with torch.no_grad():
        found = shorter(batch.ids, batch.real)
        stopped = encoder.run(encoder.embed(batch.ids, batch.real), batch.real, stop=len(shorter.layers))
    torch.testing.assert_close(found, encoder.finish(stopped))
    # the weights are in memory once
    assert {p.data_ptr() for p in shorter.parameters()} < {p.data_ptr() for p in encoder.parameters()}
    # logits always use all layers
    assert half.frozen_encoder() is encoder


@pytest.mark.parametrize("depth", [0.0, -0.5, 1.1, float("nan")])
def test_no_share_of_the_layers(depth: float):
    with pytest.raises(ModelError, match="above 0 and at most 1; nothing was encoded"):
        ESM2(depth=depth)


def test_the_model_that_ships_is_read_after_two_thirds():
    assert len(ESM2().feature_encoder().layers) == 4
    assert len(ESM2(depth=1.0).feature_encoder().layers) == len(ESM2().frozen_encoder().layers) == 6


def test_logits_are_those_of_transformers(case: tuple[Family, FoundationModel], encoder: TransformerEncoder):
    family, foundation = case
    batch = batch_of(foundation, family.texts[:1])
    with torch.no_grad():
        finished = encoder(batch.ids, batch.real)
        if not encoder.headed:
            with pytest.raises(ModelError, match="no masked-language head"):
                encoder.logits(finished)
            return
        torch.testing.assert_close(encoder.logits(finished), encoder.model(input_ids=batch.ids).logits)


def test_padding_changes_nothing(case: tuple[Family, FoundationModel], encoder: TransformerEncoder):
    family, foundation = case
    together = batch_of(foundation, family.texts)
    assert not together.real.all()
    with torch.no_grad():
        hidden = encoder(together.ids, together.real)
        for row, text in enumerate(family.texts):
            alone = batch_of(foundation, [text])
            here = hidden[row, : alone.ids.shape[1]]
            torch.testing.assert_close(here, encoder(alone.ids, alone.real)[0], rtol=1e-4, atol=1e-5)


def test_special_tokens_stay_out_of_the_mean(case: tuple[Family, FoundationModel]):
    family, foundation = case
    tokens = foundation.tokens_of(family.texts)
    batch, pooler = Batch.of(tokens), Pooler("mean", 4, 0)
    hidden = torch.full((*tokens.ids.shape, 4), 7.0)
    hidden[~batch.residues] = float("nan")
    for row in range(len(tokens)):
        length = int(tokens.lengths[row])
        assert batch.residues[row].sum() == length - tokens.first - tokens.last
    clean = torch.where(torch.isnan(hidden), torch.tensor(1e6), hidden)
    torch.testing.assert_close(pooler(clean, batch, None), torch.full((len(tokens), 4), 7.0))


def test_linear_maps_are_where_their_names_are(encoder: TransformerEncoder):
    for layer in encoder.layers:
        for name in encoder.names.linear:
            assert isinstance(layer.get_submodule(name), torch.nn.Linear), name
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder.training


def test_each_load_is_a_copy(case: tuple[Family, FoundationModel]):
    one, two = case[1].load(), case[1].load()
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
        assert a.data_ptr() != b.data_ptr(), name


def test_loading_and_reading_leave_the_random_state(case: tuple[Family, FoundationModel]):
    family, foundation = case
    before = torch.random.get_rng_state()
    foundation.load()
    foundation.tokens_of(family.texts)
    assert torch.equal(before, torch.random.get_rng_state())


def test_removed_heads(case: tuple[Family, FoundationModel]):
    family, foundation = case
    encoder, batch = foundation.load(), batch_of(foundation, family.texts[:2])
    if not encoder.separable:
        with pytest.raises(ModelError, match="nothing was removed"):
            encoder.set_heads(0, [0])
        return
    kept, size = [1, 3], encoder.width // encoder.heads
    units = torch.cat([torch.arange(head * size, (head + 1) * size) for head in kept])
    away = torch.tensor([i for i in range(encoder.width) if i not in units.tolist()])
    layer, names = encoder.layers[1], encoder.names
    with torch.no_grad():
        layer.get_submodule(names.output).weight[:, away] = 0
        whole = encoder(batch.ids, batch.real)
        for name in (names.query, names.key, names.value):
            linear = layer.get_submodule(name)
            linear.weight = torch.nn.Parameter(linear.weight[units])
            if linear.bias is not None:
                linear.bias = torch.nn.Parameter(linear.bias[units])
        output = layer.get_submodule(names.output)
        output.weight = torch.nn.Parameter(output.weight[:, units])
        encoder.set_heads(1, kept)
        torch.testing.assert_close(encoder(batch.ids, batch.real), whole, rtol=1e-4, atol=1e-5)


def test_columns_hold_what_varies(case: tuple[Family, FoundationModel]):
    family, foundation = case
    if family.pool is None or family.pool.sites is None:
        return
    pool = family.pool
    rows = np.arange(min(len(pool), 30))
    tokens = foundation.tokens(pool, rows)
    parent = foundation.parent_tokens(pool)
    assert tokens.columns.shape == tokens.changed.shape == (len(rows), len(pool.sites.labels))
    texts = [d.sequence if (d := pool.design(r)) and hasattr(d, "sequence") else d.name for r in rows.tolist()]
    if not getattr(foundation, "structure", ""):
        whole = foundation.tokens_of(texts)
        np.testing.assert_array_equal(tokens.ids, whole.ids)
        np.testing.assert_array_equal(tokens.lengths, whole.lengths)
    if parent is not None:
        # a candidate's token at a column that it does not change is the parent's
        own = np.where(parent.columns < 0, -1, parent.ids[0, parent.columns])
        theirs = np.where(tokens.columns < 0, -1, np.take_along_axis(tokens.ids, tokens.columns.clip(0), 1))
        np.testing.assert_array_equal(theirs != own, tokens.changed)


@pytest.mark.parametrize("pooling", ["mutated", "difference"])
def test_the_parent_differs_from_itself_by_nothing(case: tuple[Family, FoundationModel], pooling: str):
    family, foundation = case
    if family.pool is None or family.pool.sites is None or not family.pool.sites.parent_sequence:
        return
    pooled = type(foundation)(**{**foundation.__dict__, "pooling": pooling})
    wild = family.pool.row_of("WT") if family.pool.row_of("WT") is not None else family.pool.find("K2K")
    features = pooled.features(family.pool, np.array([wild, 1, 2]))
    np.testing.assert_allclose(features[0], 0, atol=rounding(features))
    assert np.abs(features[1:]).max(1).min() > rounding(features)


def test_features_are_a_table(case: tuple[Family, FoundationModel]):
    family, foundation = case
    if family.pool is None:
        with pytest.raises(PoolError, match="othing was encoded"):
            foundation.tokens(Pool.of([Compound("CCO")]), np.array([0]))
        return
    rows = np.arange(min(len(family.pool), 30))[::-1]
    features = foundation.features(family.pool, rows)
    assert features.dtype == np.float32
    assert features.shape[0] == len(rows)
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) > 1
    apart = np.concatenate([foundation.features(family.pool, rows[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(features[:4], apart, atol=rounding(features))
    assert foundation.features(family.pool, rows[:0]).shape == (0, features.shape[1])


def test_pools_of_another_kind_are_refused(case: tuple[Family, FoundationModel]):
    family, foundation = case
    other = Pool.of([Compound("CCO"), Compound("CCC")])
    if family.pool is not None and family.pool.kind == "compounds":
        other = Pool.combinatorial("MKTA", [1])
    with pytest.raises(PoolError, match="othing was encoded"):
        foundation.tokens(other, np.array([0]))


def test_unreadable_texts_are_refused(case: tuple[Family, FoundationModel]):
    family, foundation = case
    if family.pool is not None and family.pool.kind == "compounds":
        return  # a tokenizer of compounds has a token for what it does not know
    with pytest.raises(PoolError, match="othing was encoded"):
        foundation.tokens_of(["MK*5?"])


def test_importing_families_costs_no_torch():
    import subprocess
    import sys

    code = "import sys, activeloop.foundation; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_checkpoints_without_head_still_give_features(tmp_path: Path):
    from transformers import EsmModel

    from activeloop.foundation import ESM2
    from tiny_models import tiny_esm

    folder = Path(tiny_esm(tmp_path / "whole"))
    bare = tmp_path / "bare"
    EsmModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(bare)
    (bare / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    one, two = ESM2(str(folder)).load(), ESM2(str(bare)).load()
    batch = batch_of(ESM2(str(folder)), ["MKTAY"])
    assert torch.equal(one(batch.ids, batch.real), two(batch.ids, batch.real))
    with pytest.raises(ModelError, match="no masked-language head"):
        two.logits(two(batch.ids, batch.real))

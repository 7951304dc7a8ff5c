"""The last layer at a few tokens is what the whole layer gives there."""

import numpy as np
import pytest
import torch
from families import FAMILIES, LIBRARY, PARENT, PROTEINS

from activeloop.candidates import Mutation, Pool, Variant
from activeloop.foundation import ESM2
from activeloop.foundation.devices import attention_as
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.pooling import Batch, Pooler, at_columns
from activeloop.foundation.reading import pooling_for

#: the first has a gap where the second has a letter
SHORTER = Pool.of([Variant(PARENT, (Mutation(3, "T", ""),)), Variant(PARENT, (Mutation(9, "Q", "L"),))])
KINDS = ("eager", "sdpa")


@pytest.fixture(params=FAMILIES)
def trunk_and_batch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TransformerEncoder, Batch]:
    family = FAMILIES[request.param]
    foundation = family.kind(family.make(tmp_path_factory.mktemp("family") / "tiny"))
    return foundation.load(), Batch.of(foundation.tokens_of([*family.texts, family.texts[0]]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_family(trunk_and_batch: tuple[TransformerEncoder, Batch], kind):
    encoder, batch = trunk_and_batch
    lengths = batch.real.sum(1, keepdim=True)
    places = torch.tensor([[2, 0], [1, 1], [0, 2], [2, 1]])[: len(lengths)] % lengths
    with attention_as(encoder, kind):
        entering = encoder.run(encoder.embed(batch.ids, batch.real), batch.real, stop=len(encoder.layers) - 1)
        entering = entering.detach().requires_grad_()
        context = encoder.context(entering, batch.real)
        last = len(encoder.layers) - 1
        short = encoder.layer_at(last, entering, context, places)
        whole = encoder.layer(last, entering, context)[torch.arange(len(places))[:, None], places]
    torch.testing.assert_close(short, whole, rtol=1e-5, atol=1e-5)
    slopes = [torch.autograd.grad(states.square().sum(), entering)[0] for states in (short, whole)]
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-4, atol=1e-5)


def test_in_half_precision(trunk_and_batch: tuple[TransformerEncoder, Batch]):
    encoder, batch = trunk_and_batch
    places = torch.ones(len(batch.ids), 1, dtype=torch.int64)
    embedded = encoder.embed(batch.ids, batch.real)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        short = encoder.run_at(embedded, batch.real, places).float()
        whole = encoder.finish(encoder.run(embedded, batch.real)).float()[:, 1:2]
    assert (short - whole).abs().max() <= 0.03 * whole.abs().max()


@pytest.fixture
def encoder(tiny: str) -> TransformerEncoder:
    return ESM2(tiny).load()


@pytest.fixture
def runs(encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens went through the last layer by the short way, each time."""
    seen: list[int] = []
    short = type(encoder).layer_at

    def counted(
        self: TransformerEncoder, index: int, hidden: torch.Tensor, context: object, places: torch.Tensor
    ) -> torch.Tensor:
        seen.append(places.shape[1])
        return short(self, index, hidden, context, places)

    monkeypatch.setattr(type(encoder), "layer_at", counted)
    return seen


def test_which_way_is_taken(encoder: TransformerEncoder, runs: list[int]):
    hidden = torch.randn(2, 8, encoder.width, generator=torch.Generator().manual_seed(0))
    real = torch.ones(2, 8, dtype=torch.bool)

    def tried(many: int) -> torch.Tensor:
        runs.clear()
        return encoder.run_at(hidden, real, torch.arange(many).expand(2, -1), start=1)

    expected = encoder.finish(encoder.run(hidden, real, start=1))
    for many in (0, 1, 4):
        torch.testing.assert_close(tried(many), expected[:, :many], rtol=1e-5, atol=1e-5)
        assert runs == [many]
    # more than half of the tokens: nothing is saved
    torch.testing.assert_close(tried(5), expected[:, :5])
    assert not runs
    # whoever watches a module of the layer sees all tokens
    seen = []
    handle = (
        encoder.layers[2]
        .get_submodule(encoder.names.narrow)
        .register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    )
    torch.testing.assert_close(tried(1), expected[:, :1])
    assert (runs, seen) == ([], [8])
    handle.remove()
    encoder.layers[2].train()
    tried(1)
    assert not runs
    # above the last layer only the final norm is left
    torch.testing.assert_close(
        encoder.run_at(hidden, real, torch.ones(2, 1, dtype=torch.int64), 3)[:, 0], encoder.finish(hidden)[:, 1]
    )


def read(pool: Pool, tiny: str) -> tuple[Batch, Batch]:
    foundation = ESM2(tiny)
    tokens, parent = foundation.tokens(pool, np.arange(min(len(pool), 40))), foundation.parent_tokens(pool)
    assert parent is not None
    return Batch.of(tokens), Batch.of(parent)


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mutated", PROTEINS),
        ("mutated", LIBRARY),
        ("mutated", Pool.single_mutants("MKTAYIAKQRQISF")),
        ("sites", SHORTER),
        ("sites", LIBRARY),
    ],
)
def test_pooling_what_is_read_is_pooling_all(tiny: str, pooling, pool: Pool):
    batch, parent = read(pool, tiny)
    assert pooling_for(pool, pooling) == pooling
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(*batch.ids.shape, 6, generator=generator)
    theirs = torch.randn(*parent.ids.shape, 6, generator=generator)
    assert pool.sites is not None
    pooler = Pooler(pooling, 6, len(pool.sites.labels))
    found = pooler.positions(batch, parent)
    assert found is not None
    own, compared = found
    rows = torch.arange(len(batch.ids))[:, None]
    beside = None if compared is None else (theirs[:, compared.tokens[0]], compared.batch)
    pooled = pooler(hidden[rows, own.tokens], own.batch, beside)
    torch.testing.assert_close(pooled, pooler(hidden, batch, (theirs, parent)))
    if pooling == "mutated":
        assert own.tokens.shape[1] == int(batch.changed.sum(1).max())
        there = at_columns(theirs, parent)[0]
        moved = at_columns(hidden, batch) - there
        for row, changed in enumerate(batch.changed):
            means = [part[changed].mean(0) if changed.any() else torch.zeros(6) for part in (moved[row], there)]
            torch.testing.assert_close(pooled[row], torch.cat(means))


def test_nobody_changed_anything(tiny: str):
    foundation = ESM2(tiny)
    batch, parent = Batch.of(foundation.tokens(PROTEINS, np.array([0, 0]))), read(PROTEINS, tiny)[1]
    pooler = Pooler("mutated", 6, batch.columns.shape[1])
    found = pooler.positions(batch, parent)
    assert found is not None
    assert found[1] is not None
    none = torch.zeros(2, 0, 6), torch.zeros(1, 0, 6)
    assert torch.equal(pooler(none[0], found[0].batch, (none[1], found[1].batch)), torch.zeros(2, 12))


@pytest.mark.parametrize("pooling", ["mean", "difference", "attention"])
def test_others_read_every_token(tiny: str, pooling):
    assert Pooler(pooling, 6, 2).positions(*read(LIBRARY, tiny)) is None

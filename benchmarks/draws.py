"""What joint draws over a whole library cost beside one deterministic pass.

Writes summary.csv, README.md and machine.json. Needs the GB1 landscape (`ACTIVELOOP_DATA`, or a connection). A pass is
timed on a random share of the library and scaled up; heads are timed on all of it. Where the package `baal` is
installed, its Monte Carlo dropout is timed in the same run.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import nn

from activeloop.candidates import Pool
from activeloop.foundation.devices import inference, minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.pooling import Batch, Pooler
from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.layer_dropout import LayerDropout
from activeloop.models.heads.base import Head, HeadInputs
from activeloop.replay.sources import Source, load_landscape
from activeloop.replay.summary import number
from benchmarks.options import OUT
from benchmarks.proteins import DOMAINS, random_encoder
from benchmarks.results import HEAVY, Result, markdown_table, median_range, section
from tools.pretrain.corpus import CLS, EOS, PAD, VOCABULARY

#: the domain whose four sites the landscape varies, and these sites counted from 0
DOMAIN = DOMAINS["gb1"].chain
SITES = tuple(int(label[1:]) - 1 for label in DOMAINS["gb1"].sites)
#: rows that a head sees at once
PIECE = 4096


@dataclass(frozen=True)
class Cost:
    """Of one way to draw.

    Args:
        what: its name.
        draws: T.
        passes: what it costs in deterministic passes over the same candidates, the pass itself counted; one number for
            each repetition.
        most: required at most; None where nothing is.
        seconds: CPU seconds without the pass, median.
        repeatable: whether the same seed gave the same bits; None where that is not promised.
    """

    what: str
    draws: int
    passes: tuple[float, ...]
    most: float | None
    seconds: float
    repeatable: bool | None


def domain_tokens(pool: Pool, rows: np.ndarray) -> Tokens:
    """The whole domain with the four residues of each candidate in their places."""
    assert pool.sites is not None
    letters = np.array([VOCABULARY.index(letter) for letter in pool.sites.alphabet], np.int32)
    plain = np.array([CLS, *(VOCABULARY.index(letter) for letter in DOMAIN), EOS], np.int32)
    columns = np.tile(np.array(SITES, np.int32) + 1, (len(rows), 1))
    ids = np.tile(plain, (len(rows), 1))
    np.put_along_axis(ids, columns, letters[pool.codes(rows)], axis=1)
    lengths = np.full(len(rows), ids.shape[1], np.int32)
    return Tokens(ids, lengths, 1, 1, PAD, columns, np.ones(columns.shape, bool))


def at_sites(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """[B, P] the hidden states at the four sites."""
    return Pooler("sites", hidden.shape[2], len(SITES))(hidden, batch, None)


def passed(network: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], tokens: Tokens) -> np.ndarray:
    """Float32 [n, P] of one pass."""
    batches = (Batch.of(tokens.take(group)) for group in tokens.buckets(minibatch_tokens()))
    features = [at_sites(network(b.ids, b.real), b) for b in batches]
    return torch.cat(features).float().numpy()


def one_pass(encoder: TransformerEncoder, tokens: Tokens, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, P] of all candidates, and CPU seconds for each candidate in every part of them."""
    parts = np.array_split(np.arange(len(tokens)), repetitions)
    with inference(encoder, tokens.ids.shape[1]):
        passed(encoder, tokens.take(parts[0][:64]))
        measured = [timed(lambda part=part: passed(encoder, tokens.take(part))) for part in parts]
    seconds = np.array([s for s, _ in measured]) / [len(part) for part in parts]
    return np.concatenate([features for _, features in measured]), seconds


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """CPU seconds of some work, and what came of it."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def head_costs(
    head: Head, features: np.ndarray, values: np.ndarray, count: int, draws: Sequence[int], seconds: np.ndarray
) -> Iterator[Cost]:
    """A head over a whole library, for several numbers of draws.

    Args:
        head: fitted to the first 480 candidates.
        features: [n, P] of measured candidates; repeated until there are `count` of them.
        values: [n] theirs.
        count: candidates of the library.
        draws: T.
        seconds: of a pass, for each candidate, in every repetition.
    """
    some = slice(480)
    targets = (values[some] - values[some].mean()) / values[some].std()
    posterior = head.fit(inputs_of(features[some]), targets, np.ones(len(targets)), 0)
    every = inputs_of(np.resize(features, (count, features.shape[1])))
    pieces = [inputs_of(every.features[i : i + PIECE]) for i in range(0, count, PIECE)]
    spread, _ = timed(lambda: np.concatenate([posterior.marginals(piece)[0] for piece in pieces]))
    few = np.random.default_rng(0).choice(count, 1000, replace=False)
    for n in draws:
        drawing, whole = timed(lambda n=n: over_pieces(posterior.functions(0, n), pieces))
        again = posterior.draws(inputs_of(every.features[few]), 0, n)
        passes = 1 + (spread + drawing) / (count * seconds)
        repeatable = np.array_equal(again, whole[:, few])
        yield Cost(head.name, n, tuple(passes.tolist()), 1.1, spread + drawing, repeatable)


def over_pieces(functions: Callable[[HeadInputs], np.ndarray], pieces: Sequence[HeadInputs]) -> np.ndarray:
    """[T, n] draws at all pieces."""
    return np.concatenate([functions(piece) for piece in pieces], axis=1)


def inputs_of(features: np.ndarray) -> HeadInputs:
    """Features without a prior mean."""
    return HeadInputs(features, np.zeros((len(features), 0), np.float32))


def dropout_costs(encoder: TransformerEncoder, tokens: Tokens, draws: int, repetitions: int) -> list[Cost]:
    """Dropout in the last layers, and the ways in which it is usually done, in turns.

    Args:
        encoder: of L layers.
        tokens: of some candidates.
        draws: T.
        repetitions: how often each way is taken.
    """
    ways: dict[str, Callable[[], np.ndarray]] = {"one pass": lambda: passed(encoder, tokens)}
    most: dict[str, float | None] = {}
    for last in (1, 2):
        dropout = LayerDropout(last)
        masks, name = dropout.masks(encoder, 0, draws), f"dropout in the last {last} of {len(encoder.layers)} layers"
        ways[name] = lambda dropout=dropout, masks=masks: dropout.draws(encoder, at_sites, tokens, masks)
        most[name] = 1.2 * (1 + draws * last / len(encoder.layers))
    ways |= usual_ways(encoder, tokens, draws)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    with inference(encoder, tokens.ids.shape[1]):
        for _ in range(repetitions):
            for name, way in ways.items():
                taken, result = timed(way)
                seconds[name].append(taken)
                found[name].append(result)
    base = np.array(seconds.pop("one pass"))
    return [
        Cost(
            name,
            draws,
            tuple((np.array(taken) / base).tolist()),
            most.get(name),
            float(np.median(taken)),
            all(np.array_equal(found[name][0], other) for other in found[name]) if name in most else None,
        )
        for name, taken in seconds.items()
    ]


def usual_ways(encoder: TransformerEncoder, tokens: Tokens, draws: int) -> dict[str, Callable[[], np.ndarray]]:
    """T stochastic passes, written plainly, and by the package `baal` where it is installed."""
    ways: dict[str, Callable[[], np.ndarray]] = {}
    networks: dict[str, nn.Module] = {"naive: T passes": with_dropout(encoder, training=True)}
    if find_spec("baal"):
        from baal.bayesian.dropout import MCDropoutModule  # type: ignore[import-not-found]

        networks["baal's MCDropoutModule"] = MCDropoutModule(with_dropout(encoder, training=False))
    for name, network in networks.items():
        ways[name] = lambda network=network: np.stack([passed(network, tokens) for _ in range(draws)])
    return ways


def with_dropout(encoder: TransformerEncoder, *, training: bool) -> TransformerEncoder:
    """A copy whose dropout layers have a rate (in ESM-2's checkpoints it is 0)."""
    copied = copy.deepcopy(encoder)
    for module in copied.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1
            module.train(training)
    return copied


COLUMNS = ("what", "draws", "passes", "lowest", "highest", "required", "cpu_seconds", "same_bits")
DRAWS = (32, 100)
HEAD_NAMES = "last-layer,dropout,process"


def draws_result(tables: Sequence[tuple[str, Sequence[Cost]]]) -> Result:
    """What was found.

    Args:
        tables: how it was measured, and what was found: for heads, then for networks.
    """
    rows = [_row(cost) for _, costs in tables for cost in costs]
    titles = ("Samples of a head, over the whole library", "Samples of a network")
    sections = [section(title, how, _table(costs)) for title, (how, costs) in zip(titles, tables, strict=True)]
    how = "CPU time on one thread in deterministic passes over the same candidates, that pass counted: median (range)."
    return Result("What do joint samples cost?", how, sections, {"summary": (COLUMNS, rows)}, parts=HEAVY)


def _row(cost: Cost) -> tuple[object, ...]:
    passes = (np.median(cost.passes), min(cost.passes), max(cost.passes))
    most = "" if cost.most is None else number(cost.most)
    bits = "" if cost.repeatable is None else int(cost.repeatable)
    return (cost.what, cost.draws, *(number(float(p)) for p in passes), most, number(cost.seconds), bits)


def _table(costs: Sequence[Cost]) -> str:
    rows = []
    for cost in costs:
        most = "" if cost.most is None else f"{cost.most:.3g}"
        bits = {None: "not promised", True: "yes", False: "**no**"}[cost.repeatable]
        rows.append([cost.what, str(cost.draws), median_range(cost.passes, 4), most, f"{cost.seconds:.3g}", bits])
    return markdown_table(["", "draws", "passes", "required at most", "CPU s", "same bits again"], rows)


def command(
    share: Annotated[int, typer.Option(metavar="N", help="Candidates on which one pass is timed.")] = 8000,
    candidates: Annotated[int, typer.Option(metavar="N", help="On which samples of a network are timed.")] = 96,
    repetitions: Annotated[int, typer.Option(metavar="N", help="Of each way.")] = 5,
    heads: Annotated[str, typer.Option(metavar="NAMES", help="Joined by commas.")] = HEAD_NAMES,
    layers: Annotated[int, typer.Option(metavar="N", help="Of the network.")] = 6,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What do joint samples over a whole library cost beside one deterministic pass?"""
    import torch
    from threadpoolctl import threadpool_limits

    from activeloop.models.registry import HEADS
    from tools.pretrain.model import Shape

    torch.set_num_threads(1)
    known = {head.name: head for head in (make() for make in HEADS.values())}
    landscape, shape = load_landscape(Source("gb1")), Shape(layers)
    encoder = random_encoder(shape, seed=0)
    rows = np.random.default_rng(0).permutation(len(landscape))[:share]
    with threadpool_limits(1):
        tokens = domain_tokens(landscape.pool, rows)
        features, seconds = one_pass(encoder, tokens, repetitions)
        found = [
            cost
            for name in heads.split(",")
            for cost in head_costs(known[name], features, landscape.values[rows], len(landscape), DRAWS, seconds)
        ]
        few = domain_tokens(landscape.pool, rows[:candidates])
        ways = dropout_costs(encoder, few, DRAWS[0], repetitions)
    size = sum(p.numel() for p in encoder.parameters()) / 1e6
    of_heads = (
        f"A network of {size:.1f} million random parameters ({layers} layers) reads the domain of "
        f"{tokens.ids.shape[1]} tokens in {np.median(seconds) * 1e3:.3g} ms a candidate: timed on {share:,} of "
        f"the {len(landscape):,}, scaled up to all. Each head was fitted to 480 values and then gave mean, standard "
        f"deviation and samples for all {len(landscape):,}, on the {features.shape[1]:,} features of the timed ones, "
        "repeated. Same bits: sampled again for 1,000 of them alone."
    )
    of_layers = (
        f"The same network on {candidates} candidates, all ways in turns, {repetitions} times each. "
        "Required is 1.2 (1 + T k / L). Same bits: in every repetition."
    )
    options = f"--share {share} --candidates {candidates} --repetitions {repetitions}"
    command = f"python -m benchmarks draws {options} --heads {heads} --layers {layers}"
    draws_result([(of_heads, found), (of_layers, ways)]).write(out / "draws", command)

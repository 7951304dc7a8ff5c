"""Checks of a foundation model on this machine, one for each thing that the rest of the package relies on."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from activeloop.adapters import attach
from activeloop.adapters.registry import ADAPTERS
from activeloop.candidates import Pool
from activeloop.foundation import FoundationModel, foundation_of
from activeloop.foundation.checkpoints import folder_of, settings_of
from activeloop.foundation.devices import best_device, inference
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.families import licence_of
from activeloop.foundation.pooling import Batch, Pooler
from activeloop.foundation.tokenizers import GB1
from activeloop.foundation.tokens import Tokens
from activeloop.foundation.vocabulary import max_tokens
from activeloop.models.doctor.installation import CheckResult, passed_if, run_check
from activeloop.models.heads.base import HeadInputs
from activeloop.models.registry import HEADS

#: largest difference by rounding, as a share of the standard deviation of hidden states
ROUNDING = 1e-3
#: candidates on which heads are checked
FEW = 12


@dataclass(frozen=True)
class DiagnosedModel:
    """A loaded model.

    Args:
        foundation: its family and source.
        encoder: its weights, in single precision, on the processor.
    """

    foundation: FoundationModel
    encoder: TransformerEncoder

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.encoder.parameters())

    def tokens(self, *texts: str) -> Tokens:
        """As the model reads them."""
        return self.foundation.tokens_of(texts)

    @torch.inference_mode()
    def hidden(self, tokens: Tokens) -> torch.Tensor:
        """[B, T, D]."""
        batch = Batch.of(tokens)
        return self.encoder(batch.ids, batch.real)

    @torch.inference_mode()
    def features(self, count: int) -> np.ndarray:
        """Float32 [n, D] means over residues of different texts."""
        tokens = self.tokens(*(self.foundation.example(24, seed) for seed in range(count)))
        hidden = self.hidden(tokens)
        return Pooler("mean", self.encoder.width, 0)(hidden, Batch.of(tokens), None).numpy()


def check_model(source: str, revision: str | None = None) -> Iterator[CheckResult]:
    """Every check of a checkpoint; only that of loading when it fails.

    Args:
        source: hub id or folder.
        revision: branch, tag or commit on the hub.
    """
    loaded: list[DiagnosedModel] = []
    yield run_check("loads", partial(_load, source, revision, loaded))
    for model in loaded:
        yield _licence(source)
        for name, check in _CHECKS.items():
            yield run_check(name, partial(check, model))
        for name in ADAPTERS:
            if name != "frozen":
                yield run_check(f"adapter {name}", partial(_adapter, model, name))
        for name in HEADS:
            yield run_check(f"head {name}", partial(_posterior, model, name))


def _load(source: str, revision: str | None, loaded: list[DiagnosedModel]) -> CheckResult:
    start = time.perf_counter()
    foundation = foundation_of(source, revision)
    model = DiagnosedModel(foundation, foundation.load())
    loaded.append(model)
    seconds, layers = time.perf_counter() - start, len(model.encoder.layers)
    shape = f"{layers} layers of width {model.encoder.width}, {model.parameters:,} parameters"
    return CheckResult("loads", "ok", f"{foundation.name}: {shape}, in {seconds:.1f} s")


def _licence(source: str) -> CheckResult:
    known = licence_of(source)
    if known is None:
        return CheckResult("licence", "warning", "not known", "Read the model card before you use its weights.")
    return CheckResult("licence", "ok" if known.open else "warning", known.text)


def _tokens(model: DiagnosedModel) -> CheckResult:
    """Decoded tokens are the residues; columns of mutants hold the mutated residues."""
    foundation = model.foundation
    if not foundation.reads_residues:
        one, two = (model.tokens(foundation.example(24, seed)) for seed in (1, 2))
        good = one.ids.shape != two.ids.shape or bool((one.ids != two.ids).any())
        return passed_if("tokens", good, f"{one.lengths[0]} tokens", "Its vocabulary does not fit: fetch it again.")
    tokens, ids = model.tokens(GB1), foundation.alphabet.ids
    back = {int(ids[ord(residue)]): residue for residue in sorted(set(GB1))}
    read = "".join(back.get(int(i), "?") for i in tokens.ids[0][tokens.residues[0]])
    pool = Pool.single_mutants(GB1, positions=[1, 28, len(GB1)])
    rows = np.arange(len(pool))
    mutants = foundation.tokens(pool, rows)
    assert pool.sites is not None
    residues = np.array([[ord(pool.sites.alphabet[code]) for code in row] for row in pool.codes(rows)])
    right = np.array_equal(np.take_along_axis(mutants.ids, mutants.columns, 1), ids[residues])
    found = f"{len(GB1)} residues and {tokens.first + tokens.last} special tokens; columns of {len(pool)} mutants"
    good = read == GB1 and right
    return passed_if("tokens", good, found, "Its vocabulary does not fit this family: name another checkpoint.")


def _pooling(model: DiagnosedModel) -> CheckResult:
    """Special tokens and padding must not enter the mean."""
    texts = [model.foundation.example(length, 0) for length in (24, 12)]
    tokens = model.tokens(*texts)
    batch, hidden = Batch.of(tokens), model.hidden(tokens)
    pooler = Pooler("mean", model.encoder.width, 0)
    spoiled = torch.where(batch.residues[:, :, None], hidden, torch.full_like(hidden, 1e3))
    with torch.inference_mode():
        change = float((pooler(hidden, batch, None) - pooler(spoiled, batch, None)).abs().max())
    fix = "Special tokens enter the mean: report it, with this output."
    return passed_if("pooling", change == 0, f"special tokens and padding change the mean by {change:.2g}", fix)


def _padding(model: DiagnosedModel) -> CheckResult:
    """A short text gives the same beside a long one."""
    short, long = (model.foundation.example(length, 0) for length in (12, 24))
    alone, beside = model.tokens(short), model.tokens(short, long)
    length = int(alone.lengths[0])
    apart = model.hidden(alone)[0] - model.hidden(beside)[0, :length]
    change = float(apart.abs().max() / model.hidden(alone).std())
    found = f"changes hidden states by {change:.1e} of their standard deviation"
    return passed_if("padding", change < ROUNDING, found, "Attention sees padding: name another checkpoint.")


def _head(model: DiagnosedModel) -> CheckResult:
    """Whether it has a masked-language head, and its perplexity on a natural protein."""
    foundation = model.foundation
    if not model.encoder.headed:
        fix = "Zero-shot scores and likelihood ranking are off for it; its features and adapters work."
        return CheckResult("masked-language head", "warning", "none in this checkpoint", fix)
    if not foundation.reads_residues:
        return CheckResult("masked-language head", "warning", "there, but its tokens are not single residues")
    from activeloop.foundation.windows import ResidueTokens
    from activeloop.foundation.zero_shot_passes import log_pseudo_perplexity

    tokens = model.tokens(GB1)
    perplexity = float(np.exp(log_pseudo_perplexity(model.encoder, tokens, ResidueTokens.of(foundation, "").mask)))
    found = f"perplexity {perplexity:.1f} on a natural protein of {len(GB1)} residues"
    if perplexity < 19:
        return CheckResult("masked-language head", "ok", found)
    fix = "It predicts residues no better than chance: do not score with it."
    return CheckResult("masked-language head", "warning", found, fix)


def _speed(model: DiagnosedModel) -> CheckResult:
    """Milliseconds a sequence, in minibatches of eight."""
    device, source = best_device(), model.foundation
    longest = max_tokens(settings_of(folder_of(source.source, source.revision)))
    encoder = copy.deepcopy(model.encoder).to(device) if device != "cpu" else model.encoder
    rates = []
    for length in (56, 256):
        if not longest or length + 4 <= longest:
            tokens = model.tokens(*(model.foundation.example(length, seed) for seed in range(8)))
            seconds = min(_seconds(encoder, tokens, device) for _ in range(3)) / 8
            rates.append(f"{1 / seconds:,.0f} sequences/s of {length} ({1000 * seconds:.1f} ms each)")
    return CheckResult("speed", "ok", f"{', '.join(rates)}, on {device}, {torch.get_num_threads()} threads")


def _seconds(encoder: TransformerEncoder, tokens: Tokens, device: str) -> float:
    batch = Batch.of(tokens, device)
    start = time.perf_counter()
    with inference(encoder, tokens.ids.shape[1], device):
        encoder(batch.ids, batch.real).sum().item()
    return time.perf_counter() - start


def _memory(model: DiagnosedModel) -> CheckResult:
    weights = sum(p.numel() * p.element_size() for p in model.encoder.parameters()) / 2**20
    try:
        import resource
    except ImportError:  # not on Windows
        return CheckResult("memory", "ok", f"weights {weights:,.0f} MiB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return CheckResult("memory", "ok", f"weights {weights:,.0f} MiB; the process has taken up to {peak:,.0f} MiB")


def _adapter(model: DiagnosedModel, name: str) -> CheckResult:
    """Attaching fails when an adapter has no effect in eval mode; here its parameters must also move hidden states."""
    attached = attach(ADAPTERS[name](), copy.deepcopy(model.encoder), seed=0)
    encoder, batch = attached.encoder.eval(), Batch.of(model.tokens(model.foundation.example(24, 0)))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        before = encoder(batch.ids, batch.real)
        for parameter in attached.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        change = float((encoder(batch.ids, batch.real) - before).abs().mean() / before.std())
    share = model.parameters / max(1, attached.trainable())
    trainable = f"{attached.trainable():,} trainable parameters ({share:,.0f} times fewer)"
    found = f"{trainable}; moves hidden states by {change:.2g} in eval mode"
    return passed_if(f"adapter {name}", change > 0, found, "It has no effect on this model: choose another adapter.")


def _posterior(model: DiagnosedModel, name: str) -> CheckResult:
    """Draws of a head on the model's features must differ, and be the same again for the same seed."""
    features = model.features(2 * FEW)
    targets = np.random.default_rng(0).standard_normal(FEW)
    inputs, others = (HeadInputs(part, np.zeros((FEW, 0), np.float32)) for part in (features[:FEW], features[FEW:]))
    posterior = HEADS[name]().fit(inputs, targets, np.ones(FEW), seed=0)
    one, again = (posterior.draws(others, seed=1, count=16) for _ in range(2))
    spread = float(one.std(0).mean())
    repeatable = np.array_equal(one, again)
    found = f"standard deviation {spread:.2g} of that of the values, {'repeatable' if repeatable else 'not repeatable'}"
    return passed_if(
        f"head {name}", spread > 0 and repeatable, found, "Its draws carry no uncertainty: choose another head."
    )


_CHECKS: dict[str, Callable[[DiagnosedModel], CheckResult]] = {
    "tokens": _tokens,
    "pooling": _pooling,
    "padding": _padding,
    "masked-language head": _head,
    "speed": _speed,
    "memory": _memory,
}

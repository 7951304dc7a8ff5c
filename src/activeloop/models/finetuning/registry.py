"""Learners on a pretrained model by the names that configs use, and their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any, Literal

from activeloop.adapters import Adapter
from activeloop.adapters.registry import ADAPTERS
from activeloop.adapters.registry import RETIRED as RETIRED_ADAPTERS
from activeloop.foundation.base import FoundationModel, Pooling
from activeloop.foundation.protein_models import BUNDLED, ESM2
from activeloop.models.embedding import HeadLearner
from activeloop.models.finetuning.learner import FineTuner
from activeloop.models.finetuning.likelihood import ALL, LikelihoodRanker
from activeloop.models.finetuning.losses import Classification, Loss, Ranking, Regression
from activeloop.models.finetuning.plan import TrainingConfig
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.heads.registry import HEADS, RETIRED
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Learner
from activeloop.priors.plm import PLMPrior
from activeloop.priors.substitutions import MutationPrior, SubstitutionPrior

#: of these, few layers learn when nothing is said
LORAS = ("lora", "dora", "pissa", "rslora")
#: what is minimised while an adapter learns
LOSSES: dict[str, Callable[[], Loss]] = {
    "classes": Classification,
    "list": partial(Ranking, "list"),
    "pairs": partial(Ranking, "pairs"),
    "values": Regression,
}


def pretrained(
    model: str, pooling: Pooling = "auto", revision: str | None = None, depth: float | None = None
) -> FoundationModel:
    """A pretrained model by hub id or folder, in the family that reads it; the one that ships needs no look-up.

    >>> pretrained("activeloop/small").name
    'esm2-small'
    """
    from dataclasses import replace

    if model == BUNDLED:
        return ESM2(pooling=pooling, depth=depth)
    from activeloop.foundation.families import foundation_of

    return replace(foundation_of(model, revision), pooling=pooling, depth=depth)  # type: ignore[type-var]


def prior_mean(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> MutationPrior:
    """The prior that goes with a model: the informed one where there are tables, else that of substitutions alone.

    >>> prior_mean().name, prior_mean("facebook/esm2_t6_8M_UR50D").name
    ('informed-esm2-small', 'substitutions')
    """
    if tables or model == BUNDLED:
        return PLMPrior(pretrained(model, revision=revision), tables)
    return SubstitutionPrior()


def fine_tuned(
    model: str = BUNDLED,
    adapter: str = "lora",
    rank: int | None = None,
    last: int | None = None,
    loss: str = "values",
    draws: str = "process",
    prior: bool = True,
    tables: str = "",
    members: int = 1,
    stop: bool = False,
    epochs: int | None = None,
    rate: float | None = None,
    minibatch: int | None = None,
    pooling: Pooling = "auto",
    revision: str | None = None,
    depth: float | None = None,
) -> Learner:
    """A `FineTuner` in plain words.

    Args:
        model: hub id or folder.
        adapter: one of `ADAPTERS`.
        rank: of LoRA and its kin.
        last: only the last so many layers learn (0: all); one of LoRA's and all of the others' when nothing is said.
        loss: one of `LOSSES`.
        draws: one of `HEADS`.
        prior: whether a prior is a prior mean of the head's, see `prior_mean`.
        tables: as `informed`.
        members: as `FineTuner`.
        stop: as `FineTuner`.
        epochs: as `TrainingConfig`.
        rate: as `TrainingConfig`.
        minibatch: as `TrainingConfig`.
        pooling: of the hidden states.
        revision: branch, tag or commit on the hub; a commit pins the weights.
        depth: hidden states are those after this share of the layers; two thirds of the model that ships, all of
            others when nothing is said.

    Raises:
        ValueError: a name that is none.
        FetchError: the model is not to be had.

    >>> fine_tuned(adapter="lora", rank=4).adapter.last_layers
    1
    >>> fine_tuned().adapter == FineTuner(ESM2()).adapter
    True
    """
    return FineTuner(
        pretrained(model, pooling, revision, depth),
        adapter_of(adapter, rank, last),
        named("loss", loss, LOSSES)(),
        named("kind of draws", draws, HEADS, RETIRED)(),
        TrainingConfig(**given(epochs=epochs, rate=rate, minibatch=minibatch)),
        members=members,
        stop=stop,
        prior_score=prior_mean(model, tables, revision) if prior else None,
    )


def frozen(
    model: str = BUNDLED,
    draws: str = "process",
    prior: bool = True,
    tables: str = "",
    pooling: Pooling = "auto",
    revision: str | None = None,
    depth: float | None = None,
) -> Learner:
    """A posterior on the features of a model as pretrained, see `HeadLearner`.

    Args:
        model: hub id or folder.
        draws: one of `HEADS`.
        prior: whether a prior is a prior mean, see `prior_mean`.
        tables: as `informed`.
        pooling: of the hidden states.
        revision: branch, tag or commit on the hub; a commit pins the weights.
        depth: hidden states are those after this share of the layers; two thirds of the model that ships, all of
            others when nothing is said.

    Raises:
        ValueError: a name that is none.
        FetchError: the model is not to be had.

    >>> frozen(draws="last-layer").name
    'last-layer-esm2-small-informed-esm2-small'
    """
    head = named("kind of draws", draws, HEADS, RETIRED)()
    guess = prior_mean(model, tables, revision) if prior else None
    return HeadLearner(pretrained(model, pooling, revision, depth), head, guess)


def likelihood(
    model: str = BUNDLED,
    adapter: str = "lora",
    rank: int | None = None,
    last: int | None = None,
    by: Literal["pairs", "list"] = "pairs",
    near: float = 0.1,
    hidden: bool = False,
    prior: bool = True,
    tables: str = "",
    members: int = 5,
    epochs: int = 30,
    rate: float = 3e-3,
    revision: str | None = None,
) -> Learner:
    """A `LikelihoodRanker` in plain words.

    Args:
        model: hub id or folder, of a model with a masked-language head.
        adapter: one of `ADAPTERS`.
        rank: of LoRA and its kin.
        last: only the last so many layers learn (0: all); two of LoRA's and all of the others' when nothing is said.
        by: as `LikelihoodRanker`.
        near: as `LikelihoodRanker`.
        hidden: as `LikelihoodRanker`.
        prior: whether the table of a prior is added, see `prior_mean`.
        tables: as `informed`.
        members: as `LikelihoodRanker`.
        epochs: as `TrainingConfig`.
        rate: as `TrainingConfig`.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        ValueError: a name that is none.
        FetchError: the model is not to be had.

    >>> likelihood(prior=False) == LikelihoodRanker(ESM2(), prior_score=None)
    True
    """
    plan = TrainingConfig(epochs=epochs, minibatch=ALL, rate=rate, decay=0.0)
    learns = adapter_of(adapter, rank, last, usual=2)
    guess = prior_mean(model, tables, revision) if prior else None
    return LikelihoodRanker(pretrained(model, revision=revision), learns, by, near, hidden, guess, members, plan)


def informed(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> Learner:
    """The process over mutations, with a prior that a pretrained model informs, see `PLMPrior`.

    Args:
        model: hub id or folder, of a model with a masked-language head.
        tables: file of the tables that were fitted on it; empty: those of the package, for the model that ships.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        FetchError: the model is not to be had.

    >>> informed().name
    'mutations-informed-esm2-small'
    """
    return MutationGP(prior_score=PLMPrior(pretrained(model, revision=revision), tables))


def gated(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> Learner:
    """The process over mutations with the `prior_mean` of a model, and `frozen`, weighed by what each predicts.

    The process over mutations begins with six times the weight of the other.

    Args:
        model: hub id or folder, of a model with a masked-language head where there are tables of it.
        tables: as `informed`.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        FetchError: the model is not to be had.

    >>> gated().name
    'gate-ranks(mutations-informed-esm2-small,process-esm2-small-informed-esm2-small)'
    """
    process = MutationGP(prior_score=prior_mean(model, tables, revision))
    return StackingEnsemble((process, frozen(model, tables=tables, revision=revision)), start=(6.0, 1.0), scale="ranks")


def adapter_of(name: str, rank: int | None = None, last: int | None = None, usual: int = 1) -> Adapter:
    """An adapter by its name.

    Args:
        name: one of `ADAPTERS`.
        rank: of LoRA and its kin.
        last: only the last so many layers learn (0: all).
        usual: of LoRA and its kin, how many when nothing is said; of the others all.

    Raises:
        ValueError: there is none of that name, or it has no such option.

    >>> [adapter_of(name, last=last).last_layers for name, last in (("lora", None), ("lora", 0), ("ia3", None))]
    [1, None, None]
    """
    if last is None and name in LORAS:
        last = usual
    options = given(rank=rank, last_layers=last)
    for option in options:
        if option not in options_of(name):
            raise ValueError(f'the adapter "{name}" has no option "{option}": leave it out')
    if last == 0:
        options["last_layers"] = None
    return named("adapter", name, ADAPTERS, RETIRED_ADAPTERS)(**options)


def options_of(adapter: str) -> tuple[str, ...]:
    """What an adapter's settings are called."""
    return tuple(signature(named("adapter", adapter, ADAPTERS, RETIRED_ADAPTERS)).parameters)


def given(**options: Any) -> dict[str, Any]:
    """Those options that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def named(role: str, name: str, known: dict[str, Any], retired: Mapping[str, str] | None = None) -> Any:
    """An entry of a table.

    Args:
        role: what it is, for messages.
        name: of it.
        known: the table.
        retired: names of former releases, and what to do instead.

    Raises:
        ValueError: there is none of that name.

    >>> named("kind of draws", "variational", HEADS, RETIRED)
    Traceback (most recent call last):
    ...
    ValueError: the kind of draws "variational" was removed: use "last-layer"
    """
    if retired and name in retired:
        raise ValueError(f'the {role} "{name}" was removed: {retired[name]}')
    if name not in known:
        raise ValueError(f'there is no {role} "{name}". Known: {", ".join(known)}.')
    return known[name]


#: those that configs name
PRETRAINED: dict[str, Callable[..., Learner]] = {
    "fine-tuned": fine_tuned,
    "frozen": frozen,
    "informed": informed,
    "likelihood": likelihood,
    "gated": gated,
}

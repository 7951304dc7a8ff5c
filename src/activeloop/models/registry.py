"""Learners, heads and losses by the names in `campaign.toml`, in policies and on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from inspect import Parameter, signature
from typing import Any, Literal

from activeloop.adapters import Adapter
from activeloop.adapters.registry import ADAPTERS
from activeloop.candidates import Pool
from activeloop.encoders import Encoder, Kmers, Morgan, OneHot, Physicochemical
from activeloop.foundation import ESM2, foundation_of
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import BUNDLED
from activeloop.foundation.reading import Pooling
from activeloop.models.baselines import Baseline
from activeloop.models.dropout import DropoutNetwork
from activeloop.models.embedding import HeadLearner
from activeloop.models.ensemble import MLPEnsemble, alde_ensemble
from activeloop.models.finetuning.config import TrainingConfig
from activeloop.models.finetuning.dropout_classifier import DropoutClassifier
from activeloop.models.finetuning.learner import FineTuner
from activeloop.models.finetuning.likelihood import ALL, LikelihoodRanker
from activeloop.models.finetuning.losses import Classification, Loss, Ranking, Regression
from activeloop.models.forest import RandomForest
from activeloop.models.gp.classifier import GPClassifier
from activeloop.models.gp.guides import GuideGP
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.gp.sister_guides import SisterGuideGP
from activeloop.models.gp.sisters import SisterGP
from activeloop.models.gp.site_gp import SiteGP
from activeloop.models.gp.tanimoto import MiniMolGP, TanimotoGP
from activeloop.models.gp.treatments import TreatmentGP
from activeloop.models.heads.base import Head
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.gp import GPHead
from activeloop.models.heads.laplace import LaplaceHead
from activeloop.models.stacking import StackingEnsemble
from activeloop.plugins import GROUPS, plugins
from activeloop.prediction import Learner
from activeloop.priors.base import MutationPrior
from activeloop.priors.plm import PLMPrior
from activeloop.priors.substitutions import SubstitutionPrior
from activeloop.renamed import REMOVED

HEADS: dict[str, type[Head]] = {"gp": GPHead, "laplace": LaplaceHead, "mc-dropout": DropoutHead}
"""The posterior over functions of a model's features."""

LOSSES: dict[str, Callable[[], Loss]] = {
    "classes": Classification,
    "list": partial(Ranking, "list"),
    "pairs": partial(Ranking, "pairs"),
    "values": Regression,
}
"""What is minimised while an adapter is trained."""

ENCODERS: dict[str, Callable[[], Encoder]] = {
    "kmers": Kmers,
    "morgan": Morgan,
    "onehot": OneHot,
    "physicochemical": Physicochemical,
}
"""Features without a pretrained model."""

FEW_LAYERS = ("lora", "dora", "pissa", "rslora")
"""Adapters that are trained in the last layers alone by default."""


def plain_encoder(pool: Pool) -> Encoder:
    """The encoder of the baselines: one-hot residues, for compounds Morgan fingerprints."""
    return Morgan() if pool.kind == "compounds" else OneHot()


def foundation_model(
    model: str, pooling: Pooling = "auto", revision: str | None = None, depth: float | None = None
) -> FoundationModel:
    """A pretrained model by hub id or folder, in the family that reads it; the bundled one needs no look-up.

    >>> foundation_model("activeloop/small").name
    'esm2-small'
    """
    if model == BUNDLED:
        return ESM2(pooling=pooling, depth=depth)
    return replace(foundation_of(model, revision), pooling=pooling, depth=depth)


def prior_mean(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> MutationPrior:
    """The prior mean that goes with a model: it reads the model where there are tables, else substitutions alone.

    >>> prior_mean().name, prior_mean("facebook/esm2_t6_8M_UR50D").name
    ('informed-esm2-small', 'substitutions')
    """
    if tables or model == BUNDLED:
        return PLMPrior(foundation_model(model, revision=revision), tables)
    return SubstitutionPrior()


def plm_prior(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> Learner:
    """The Gaussian process over mutations whose prior mean reads a protein language model, see `PLMPrior`.

    Args:
        model: hub id or folder, of a model with a masked-language head.
        tables: file of the tables that were fitted on it; empty: those of the package, for the bundled model.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        FetchError: the model cannot be loaded.

    >>> plm_prior().name
    'mutations-informed-esm2-small'
    """
    return MutationGP(prior_score=PLMPrior(foundation_model(model, revision=revision), tables))


def embedding_gp(
    model: str = BUNDLED,
    head: str = "gp",
    prior: bool = True,
    tables: str = "",
    pooling: Pooling = "auto",
    revision: str | None = None,
    depth: float | None = None,
) -> Learner:
    """A Gaussian process (or another `head`) on the embeddings of a pretrained model, see `HeadLearner`.

    Args:
        model: hub id or folder.
        head: one of `HEADS`.
        prior: whether it begins with a prior mean, see `prior_mean`.
        tables: as `plm_prior`.
        pooling: of the hidden states.
        revision: branch, tag or commit on the hub; a commit pins the weights.
        depth: hidden states are those after this share of the layers; by default two thirds of the bundled model, all
            of others.

    Raises:
        ValueError: an unknown name.
        FetchError: the model cannot be loaded.

    >>> embedding_gp(head="laplace").name
    'last-layer-esm2-small-informed-esm2-small'
    """
    posterior = named("head", head, HEADS)()
    foundation = foundation_model(model, pooling, revision, depth)
    # of SMILES and DNA there is no prior of substitutions
    mean = prior_mean(model, tables, revision) if prior and foundation.reads_residues else None
    return HeadLearner(foundation, posterior, mean)


def stacking(model: str = BUNDLED, tables: str = "", revision: str | None = None) -> Learner:
    """The Gaussian process over mutations with the `prior_mean` of a model, and `embedding_gp`, stacked.

    Before any evidence the one over mutations has six times the weight of the other.

    Args:
        model: hub id or folder, of a model with a masked-language head where there are tables of it.
        tables: as `plm_prior`.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        FetchError: the model cannot be loaded.

    >>> stacking().name
    'stacking-ranks(mutations-informed-esm2-small,process-esm2-small-informed-esm2-small)'
    """
    mutations = MutationGP(prior_score=prior_mean(model, tables, revision))
    embeddings = embedding_gp(model, tables=tables, revision=revision)
    return StackingEnsemble((mutations, embeddings), start=(6.0, 1.0), scale="ranks")


def fine_tuned(
    model: str = BUNDLED,
    adapter: str = "lora",
    rank: int | None = None,
    last_layers: int | None = None,
    loss: str = "values",
    head: str = "gp",
    prior: bool = True,
    tables: str = "",
    members: int = 1,
    early_stopping: bool = False,
    epochs: int | None = None,
    rate: float | None = None,
    minibatch: int | None = None,
    pooling: Pooling = "auto",
    revision: str | None = None,
    depth: float | None = None,
) -> Learner:
    """A pretrained model of which an adapter is trained, and a posterior on its features, see `FineTuner`.

    Args:
        model: hub id or folder.
        adapter: one of `ADAPTERS`.
        rank: of LoRA and its variants.
        last_layers: number of last layers that are trained (0: all); by default one of LoRA's, all of the others'.
        loss: one of `LOSSES`.
        head: one of `HEADS`.
        prior: whether it begins with a prior mean, see `prior_mean`.
        tables: as `plm_prior`.
        members: as `FineTuner`.
        early_stopping: as `FineTuner`.
        epochs: as `TrainingConfig`.
        rate: as `TrainingConfig`.
        minibatch: as `TrainingConfig`.
        pooling: as `embedding_gp`.
        revision: as `embedding_gp`.
        depth: as `embedding_gp`.

    Raises:
        ValueError: an unknown name.
        FetchError: the model cannot be loaded.

    >>> fine_tuned().adapter == FineTuner(ESM2()).adapter
    True
    """
    foundation = foundation_model(model, pooling, revision, depth)
    return FineTuner(
        foundation,
        adapter_of(adapter, rank, last_layers),
        named("loss", loss, LOSSES)(),
        named("head", head, HEADS)(),
        TrainingConfig(**given(epochs=epochs, rate=rate, minibatch=minibatch)),
        members=members,
        early_stopping=early_stopping,
        prior_score=prior_mean(model, tables, revision) if prior and foundation.reads_residues else None,
    )


def dropout_classifier(
    model: str = BUNDLED,
    rank: int = 8,
    last_layers: int = 1,
    rate: float = 0.1,
    passes: int = 10,
    epochs: int | None = None,
    learning_rate: float | None = None,
    minibatch: int | None = None,
    pooling: Pooling = "auto",
    revision: str | None = None,
) -> Learner:
    """A LoRA-adapted classifier that predicts by passes with dropout, see `DropoutClassifier`; for classes.

    Args:
        model: hub id or folder.
        rank: of LoRA.
        last_layers: number of last layers that have LoRA (0: all).
        rate: share of what a pass drops.
        passes: of which probabilities are means.
        epochs: as `TrainingConfig`.
        learning_rate: `rate` of `TrainingConfig`.
        minibatch: as `TrainingConfig`.
        pooling: as `embedding_gp`.
        revision: as `embedding_gp`.

    Raises:
        FetchError: the model cannot be loaded.

    >>> dropout_classifier().name
    'dropout-classifier-esm2-small'
    """
    plan = TrainingConfig(**given(epochs=epochs, rate=learning_rate, minibatch=minibatch))
    return DropoutClassifier(foundation_model(model, pooling, revision), rank, last_layers or None, rate, passes, plan)


def likelihood(
    model: str = BUNDLED,
    adapter: str = "lora",
    rank: int | None = None,
    last_layers: int | None = None,
    by: Literal["pairs", "list"] = "pairs",
    kl_weight: float = 0.1,
    masked: bool = False,
    prior: bool = True,
    tables: str = "",
    members: int = 5,
    epochs: int = 30,
    rate: float = 3e-3,
    revision: str | None = None,
) -> Learner:
    """A pretrained model whose likelihoods are trained to rank the measured candidates, see `LikelihoodRanker`.

    Args:
        model: hub id or folder, of a model with a masked-language head.
        adapter: one of `ADAPTERS`.
        rank: of LoRA and its variants.
        last_layers: number of last layers that are trained (0: all); by default two of LoRA's, all of the others'.
        by: as `LikelihoodRanker`.
        kl_weight: as `LikelihoodRanker`.
        masked: as `LikelihoodRanker`.
        prior: whether the table of a prior is added, see `prior_mean`.
        tables: as `plm_prior`.
        members: as `LikelihoodRanker`.
        epochs: as `TrainingConfig`.
        rate: as `TrainingConfig`.
        revision: branch, tag or commit on the hub; a commit pins the weights.

    Raises:
        ValueError: an unknown name.
        FetchError: the model cannot be loaded.

    >>> likelihood(prior=False) == LikelihoodRanker(ESM2(), prior_score=None)
    True
    """
    plan = TrainingConfig(epochs=epochs, minibatch=ALL, rate=rate, weight_decay=0.0)
    learns = adapter_of(adapter, rank, last_layers, default_layers=2)
    mean = prior_mean(model, tables, revision) if prior else None
    foundation = foundation_model(model, revision=revision)
    return LikelihoodRanker(foundation, learns, by, kl_weight, masked, mean, members, plan)


def adapter_of(name: str, rank: int | None = None, last_layers: int | None = None, default_layers: int = 1) -> Adapter:
    """An adapter by its name.

    Args:
        name: one of `ADAPTERS`.
        rank: of LoRA and its variants.
        last_layers: number of last layers that are trained (0: all).
        default_layers: default number for LoRA and its variants; others train all layers.

    Raises:
        ValueError: there is none of that name, or it has no such option.

    >>> [adapter_of(name, last_layers=k).last_layers for name, k in (("lora", None), ("lora", 0), ("ia3", None))]
    [1, None, None]
    """
    make = named("adapter", name, ADAPTERS)
    if last_layers is None and name in FEW_LAYERS:
        last_layers = default_layers
    options = given(rank=rank, last_layers=last_layers)
    taken = signature(make).parameters.values()
    names = {p.name for p in taken}
    for option in options:
        if option not in names and not any(p.kind == Parameter.VAR_KEYWORD for p in taken):
            raise ValueError(f'the adapter "{name}" has no option "{option}": leave it out')
    if last_layers == 0:
        options["last_layers"] = None
    return make(**options)


def given(**options: Any) -> dict[str, Any]:
    """Those options that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def named(role: str, name: str, known: dict[str, Any]) -> Any:
    """An entry of a table.

    Args:
        role: what it is, for messages and for names that were removed.
        name: of it.
        known: the table.

    Raises:
        ValueError: there is none of that name.

    >>> named("head", "variational", HEADS)
    Traceback (most recent call last):
    ...
    ValueError: the head "variational" was removed: use "laplace"
    """
    if name in (removed := REMOVED.get(role, {})):
        raise ValueError(f'the {role} "{name}" was removed: {removed[name]}')
    if name not in known and role in GROUPS:
        known = plugins(role) | known
    if name not in known:
        raise ValueError(f'there is no {role} "{name}". Known: {", ".join(known)}.')
    return known[name]


ENCODED: dict[str, Callable[..., Learner]] = {
    "alde": alde_ensemble,
    "dropout": DropoutNetwork,
    "ensemble": MLPEnsemble,
    "forest": RandomForest,
}
"""Learners on the features of any encoder."""

READING: dict[str, Callable[..., Learner]] = {
    "classifier": GPClassifier,
    "guide-gp": GuideGP,
    "mutation-gp": MutationGP,
    "sister-guides": SisterGuideGP,
    "sister-compounds": partial(SisterGuideGP, kind="compounds"),
    "drug-mean": partial(Baseline, "drug-mean"),
    "cell-mean": partial(Baseline, "cell-mean"),
    "additive": partial(Baseline, "additive"),
    "nearest-sister": partial(Baseline, "nearest-sister"),
    "sisters": SisterGP,
    "factors": partial(SisterGP, sisters=False),
    "site-gp": SiteGP,
    "tanimoto": TanimotoGP,
    "minimol": MiniMolGP,
    "treatment-gp": TreatmentGP,
    "dropout-classifier": dropout_classifier,
    "fine-tuned": fine_tuned,
    "embedding-gp": embedding_gp,
    "plm-prior": plm_prior,
    "likelihood": likelihood,
    "stacking": stacking,
}
"""Learners that read candidates themselves, or by a pretrained model."""

LEARNERS = (*ENCODED, *READING)
"""Names of all learners of this package."""


def reads_model(learner: str) -> bool:
    """Whether a learner's option `model` is a pretrained model of the hub, or a folder of one.

    >>> [name for name in LEARNERS if reads_model(name)]
    ['dropout-classifier', 'fine-tuned', 'embedding-gp', 'plm-prior', 'likelihood', 'stacking']
    """
    return learner in READING and {"model", "revision"} <= set(signature(READING[learner]).parameters)


def named_learners(pool: Pool, encoder: str = "") -> dict[str, Callable[..., Learner]]:
    """What makes each learner, with an encoder that suits the pool; takes the learner's own options.

    Args:
        pool: its candidates are encoded.
        encoder: one of `ENCODERS`, for the learners of `ENCODED`; `plain_encoder` when empty.

    Raises:
        ValueError: there is no encoder of that name.

    >>> named_learners(Pool.single_mutants("MKTAYIAKQR"))["forest"](trees=10).name
    'forest-onehot'
    """
    features = named("encoder", encoder, ENCODERS)() if encoder else plain_encoder(pool)
    return {name: partial(make, encoder=features) for name, make in ENCODED.items()} | READING

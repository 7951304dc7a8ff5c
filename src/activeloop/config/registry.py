"""The objects that the names in a config stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from activeloop import acquisition
from activeloop.acquisition import AcquisitionFunction, BatchStrategy, Recommender, default_recommender
from activeloop.candidates import Pool
from activeloop.config.config import LearnerConfig, PoolConfig, SelectConfig
from activeloop.config.pools import history_of
from activeloop.errors import ConfigError, ModelError, PluginError, PoolError, did_you_mean
from activeloop.measurements import Assay, limits_of
from activeloop.plugins import GROUPS, plugins
from activeloop.prediction import Learner
from activeloop.renamed import REMOVED, REMOVED_OPTIONS, spelled_out

#: options that count layers, of which 0 stands for all
ZERO_IS_ALL = ("last_layers",)
PLAIN = (bool, int, float, str, tuple, type(None))


def options_of(maker: Callable[..., Any]) -> dict[str, Any] | None:
    """The options that something takes, with their defaults; None when they are not known.

    What cannot be written in `campaign.toml`, such as an encoder, is no option.

    Args:
        maker: a class, a function, or one of these with some options already given, which are not counted.

    >>> from activeloop.acquisition import UpperConfidenceBound
    >>> options_of(UpperConfidenceBound)
    {'beta': 1.0}
    >>> options_of(partial(UpperConfidenceBound, beta=2.0))
    {}
    """
    settled = maker.keywords if isinstance(maker, partial) else {}
    taken = signature(plain(maker)).parameters
    if any(p.kind == Parameter.VAR_KEYWORD for p in taken.values()):
        return None
    first = len(maker.args) if isinstance(maker, partial) else 0
    left = {name: p for name, p in list(taken.items())[first:] if name not in settled}
    return {name: p.default for name, p in left.items() if isinstance(p.default, PLAIN) and _plain_or_none(p)}


def _plain_or_none(parameter: Parameter) -> bool:
    """Whether an option whose default is None may be given in `campaign.toml`: a number, and not a profile."""
    hint = parameter.annotation
    words = set(re.findall(r"\w+", hint if isinstance(hint, str) else repr(hint)))
    return parameter.default is not None or hint is Parameter.empty or bool(words & {"bool", "int", "float", "str"})


def plain(maker: Callable[..., Any]) -> Callable[..., Any]:
    """The class or function, without the options already given."""
    return maker.func if isinstance(maker, partial) else maker


def wrong_option(maker: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """The first option with a wrong value, and which values are right; "" when there is none.

    A number is of the type of its default: whole ones from 1 on, others from 0 on; a word is one of its `Literal`.

    Args:
        maker: a class or a function with type hints.
        given: option -> value, with lists as tuples; all are taken.

    >>> from activeloop.acquisition import DiverseTop, PowerSampling, UpperConfidenceBound
    >>> wrong_option(UpperConfidenceBound, {"beta": -1.0})
    'option "beta" is -1.0; it must be a number from 0 on'
    >>> wrong_option(DiverseTop, {"among": 0})
    'option "among" is 0; it must be a whole number from 1 on'
    >>> print(wrong_option(PowerSampling, {"kind": "soft"}))
    option "kind" is 'soft'; it must be 'power', 'softmax' or 'softrank'
    """
    defaults = options_of(maker) or {}
    made = plain(maker)
    hints = get_type_hints(made.__init__ if isinstance(made, type) else made)
    for name, value in given.items():
        words = get_args(hints[name]) if get_origin(hints[name]) is Literal else ()
        example = 0 if name in ZERO_IS_ALL else _like(defaults[name], hints[name])
        if demanded := _demanded(value, example, words):
            return f'option "{name}" is {value!r}; it must be {demanded}'
    return ""


def _like(default: Any, hint: Any) -> Any:
    """The default, or in place of None something of the type that may be given."""
    kinds = {int: 1, float: 0.0, str: ""}
    return next((kinds[kind] for kind in get_args(hint) if kind in kinds), None) if default is None else default


def _demanded(value: Any, default: Any, words: tuple[str, ...]) -> str:
    """What a value must be, "" when it is; a default that is nothing plain (None, an encoder) demands nothing."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if words:
        *others, last = (repr(word) for word in words)
        return "" if value in words else f"{', '.join(others)} or {last}"
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        least = min(default, 1)
        return "" if number and isinstance(value, int) and value >= least else f"a whole number from {least} on"
    if isinstance(default, float):
        return "" if number and value >= min(default, 0) else f"a number from {min(default, 0):g} on"
    if isinstance(default, str | tuple):
        kind = "a text" if isinstance(default, str) else "a list, such as [1, 2]"
        return "" if isinstance(value, type(default)) else kind
    return ""


Goal = Literal["find", "learn"]

SCORES: dict[str, Callable[..., AcquisitionFunction]] = {
    "bald": acquisition.BALD,
    "ei": acquisition.ExpectedImprovement,
    "entropy": acquisition.Entropy,
    "epig": acquisition.EPIG,
    "greedy": acquisition.Greedy,
    "hit": acquisition.ProbabilityOfHit,
    "hypervolume": acquisition.Hypervolume,
    "nei": acquisition.NoisyExpectedImprovement,
    "random": acquisition.Random,
    "scalarised": acquisition.Scalarised,
    "thompson": acquisition.Thompson,
    "ucb": acquisition.UpperConfidenceBound,
    "variance": acquisition.Variance,
}

BATCHES: dict[str, Callable[..., BatchStrategy]] = {
    "batchbald": acquisition.BatchBALD,
    "diverse": acquisition.DiverseTop,
    "lcmd": acquisition.LCMD,
    "portfolio": acquisition.Portfolio,
    "power": acquisition.PowerSampling,
    "promising": acquisition.Promising,
    "reduction": acquisition.VarianceReduction,
    "thompson": acquisition.ThompsonBatch,
    "top": acquisition.TopK,
    "top-per-position": acquisition.TopPerPosition,
}


def learner_of(config: LearnerConfig, pool: Pool, assays: Sequence[Assay], file: str | None = None) -> Learner:
    """The learner that a config names.

    Args:
        config: a name and options.
        pool: what it learns about; `default` and the encoders follow its kind.
        assays: what is measured; `default` follows whether it is classes.
        file: how messages name the config.

    Raises:
        ConfigError: no learner has that name, or it does not take these options.
    """
    known: dict[str, Callable[..., Learner]] = {"default": _default(pool, assays)}
    options = dict(config.options)
    if config.name != "default":
        from activeloop.models.registry import ENCODED, named_learners

        encoder = str(options.pop("encoder", "")) if config.name in ENCODED else ""
        try:
            known |= named_learners(pool, encoder)
        except PluginError as error:
            raise PluginError(error.problem, file=file) from error
        except ValueError as error:
            raise ConfigError(f'learner "{config.name}": {error}', file=file) from error
    return make("learner", config.name, known, options, file)


def checked_learner_of(
    config: LearnerConfig,
    pool: Pool,
    assays: Sequence[Assay],
    file: str | None = None,
    base: Path = Path(),
    pool_config: PoolConfig | None = None,
) -> Learner:
    """The learner that a config names, calibrated: its versions carry metrics of held-out values.

    Options are part of its name, so that versions with other options are distinguished.

    Args:
        config: a name and options.
        pool: as `learner_of`.
        assays: as `learner_of`.
        file: how messages name the config.
        base: folder in which a model is looked for first.
        pool_config: of the pool, whose side tables tell of the history, too.

    Raises:
        ConfigError: no learner has that name, or it does not take these options.
        FetchError: a pretrained model is not available.
        TableError: the family's file is no profile.
    """
    from activeloop.models.calibration import calibrated
    from activeloop.models.default import default_calibration
    from activeloop.models.history import with_history

    learner = learner_of(_located(config, base), pool, assays, file)
    if config.family:
        learner = _with_family(learner, config.family, pool, file, base)
    if config.history and pool_config:
        history = history_of(config.history, pool_config, base, pool, assays, file)
        try:
            learner = with_history(learner, history)
        except ConfigError as error:
            raise ConfigError(f"[learner] history: {error.problem}", file=file) from error
    note = ", ".join(f"{key}={value}" for key, value in sorted(config.options.items()))
    return calibrated(learner, config.calibration or default_calibration(pool), note)


def _with_family(learner: Learner, family: str, pool: Pool, file: str | None, base: Path) -> Learner:
    """The learner with the profile of a file in the folder.

    Raises:
        ConfigError: there is no such file, it is of another wild type, or the learner has no place for it.
        TableError: it is no profile.
    """
    from activeloop.models.family import with_family
    from activeloop.priors.profile import Profile

    undo = 'put it back, or take the line "family" out of [learner] to go on without it'
    if not (base / family).is_file():
        raise ConfigError(f'[learner]: there is no file "{base / family}": {undo}.', file=file)
    profile = Profile.read(base / family)
    try:
        profile.check(pool)
        return with_family(learner, profile)
    except (ConfigError, PoolError) as error:
        raise ConfigError(f"[learner] family: {error.problem}", file=file) from error


def _located(config: LearnerConfig, base: Path) -> LearnerConfig:
    """With the paths of a model and of its tables, where they are in the folder."""
    named = {key: config.options.get(key) for key in ("model", "tables")}
    found = {key: str(base / name) for key, name in named.items() if isinstance(name, str) and name}
    found = {key: path for key, path in found.items() if Path(path).exists()}
    return config.model_copy(update={"options": {**config.options, **found}}) if found else config


def learners(pool: Pool, assays: Sequence[Assay]) -> dict[str, Callable[..., Learner]]:
    """All learners by name, those of other packages included."""
    from activeloop.models.registry import named_learners

    return plugins("learner") | {"default": _default(pool, assays)} | named_learners(pool)


def _default(pool: Pool, assays: Sequence[Assay]) -> Callable[..., Learner]:
    from activeloop.models.default import uncalibrated_learner

    return partial(uncalibrated_learner, pool, assays)


def recommender_of(
    config: SelectConfig, goal: Goal, assays: tuple[Assay, ...], pool: Pool, file: str | None = None
) -> Recommender:
    """The recommender that a config names; the goal's default where it names none.

    Raises:
        ConfigError: there is no such name, or it does not take these options.
    """
    default = default_recommender(goal, assays, pool)
    score, batch, first = default.score, default.batch, default.first
    if config.score:
        score = make("score", config.score, SCORES, config.score_options, file)
        if goal == "find" and not np.isnan(limits_of(assays)).all() and not isinstance(score, acquisition.Constrained):
            score = acquisition.Constrained(score)  # what is good enough holds whatever the score
    if config.batch:
        batch, first = make("batch", config.batch, BATCHES, config.batch_options, file), None
    return Recommender(score, batch, first)


def make(role: str, name: str, known: Mapping[str, Callable[..., Any]], options: Mapping, file: str | None) -> Any:
    """The object that a config names.

    Args:
        role: what it is, for messages.
        name: of it.
        known: everything that can be named.
        options: of it.
        file: how messages name the config.

    Raises:
        ConfigError: nothing has that name, or it does not take these options.
    """
    name, options = spelled_out(role, name, options)
    if name not in known and role in GROUPS:  # looking for other packages takes a while
        known = plugins(role) | dict(known)
    if name not in known:
        if name in (removed := REMOVED.get(role, {})):
            raise ConfigError(f'the {role} "{name}" was removed: {removed[name]}.', file=file)
        fix = did_you_mean(name, known) or f"Known: {', '.join(sorted(known))}."
        raise ConfigError(f'there is no {role} "{name}". {fix}', file=file)
    maker = known[name]
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    takes = options_of(maker)
    if takes is not None:
        if unknown := [key for key in given if key not in takes]:
            if instead := REMOVED_OPTIONS.get((role, name, unknown[0])):
                raise ConfigError(f'option "{unknown[0]}" of {role} "{name}" was removed: {instead}.', file=file)
            fix = f"it takes: {', '.join(takes)}" if takes else "it takes none"
            raise ConfigError(f'{role} "{name}" has no option "{unknown[0]}"; {fix}.', file=file)
        if wrong := wrong_option(maker, given):
            raise ConfigError(f'{role} "{name}": {wrong}.', file=file)
    try:
        return maker(**given)
    except PluginError as error:
        raise PluginError(error.problem, file=file) from error
    except (TypeError, ValueError, ModelError) as error:
        raise ConfigError(f'{role} "{name}" cannot be made with these options: {error}', file=file) from error

"""Names of former releases: what they are called now, or what to use instead.

Everything that a user types or stores in a `campaign.toml` is looked up here, so that old files stay valid.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

from activeloop.errors import ConfigError

NAMES: dict[str, dict[str, str]] = {
    "learner": {"informed": "plm-prior", "gated": "stacking", "frozen": "embedding-gp"},
    "calibration": {"own-noise": "noise"},
    "head": {"process": "gp", "last-layer": "laplace", "dropout": "mc-dropout"},
    "score": {},
    "batch": {},
    "policy": {"evolvepro": "evolvepro-top-layer"},
    "command": {"worth": "assess"},
    "part": {"backbone": "model", "encoder": "model"},
}
"""Role -> former name -> current name."""

OPTIONS: dict[tuple[str, str], dict[str, str]] = {
    ("learner", "embedding-gp"): {"draws": "head"},
    ("learner", "mutation-gp"): {"usual": "variances", "line": "linear_share"},
    ("learner", "fine-tuned"): {"draws": "head", "last": "last_layers", "stop": "early_stopping"},
    ("learner", "likelihood"): {
        "last": "last_layers",
        "near": "kl_weight",
        "hidden": "masked",
        "substitutions": "prior",
    },
    ("command", "distil"): {"--keep": "--min-spearman"},
    ("command", "screen"): {"--keep": "--shortlist", "--widest": "--max-growth"},
    ("table", "student"): {"keep": "min_spearman", "teaching": "training"},
}
"""Role and current name -> former option -> current option."""

ROLES: dict[tuple[str, str], str] = {("learner", "head"): "head"}
"""Role and current option -> the role of its value, such as ("learner", "head") -> "head"."""

SHORTHANDS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "learner": {
        "tuned-full": ("fine-tuned", {"adapter": "full"}),
        "tuned-last1": ("fine-tuned", {"adapter": "lora", "last_layers": 1}),
        "tuned-last2": ("fine-tuned", {"adapter": "lora", "last_layers": 2}),
        "tuned-light-peft": ("fine-tuned", {"adapter": "light-peft"}),
        "tuned-lora": ("fine-tuned", {"adapter": "lora", "last_layers": 0}),
        "tuned-pissa1": ("fine-tuned", {"adapter": "pissa", "rank": 16, "last_layers": 1}),
        "tuned-whole1": ("fine-tuned", {"adapter": "full", "last_layers": 1}),
        "tuned-whole2": ("fine-tuned", {"adapter": "full", "last_layers": 2}),
    }
}
"""Role -> former name that stood for a name with options -> both."""

REMOVED: dict[str, dict[str, str]] = {
    "command": {
        "bench": "use `python -m benchmarks SUITE` in a clone of the repository",
        "pretrain": "use `python -m tools.pretrain` in a clone of the repository",
    },
    "learner": {
        "frozen-ensemble": 'use "embedding-gp"',
        "gated-tuned": 'use "stacking"',
    },
    "head": {
        "ensemble": 'use "gp" for uncertainty, or fine-tune several members with the option "members"',
        "variational": 'use "laplace"',
    },
    "adapter": {"adalora": 'use "lora", or in Python PeftAdapter("adalora")'},
    "score": {
        "least-confidence": 'use "entropy", which orders two classes in the same way',
        "margin": 'use "entropy", which orders two classes in the same way',
    },
    "batch": {
        "liar": 'use "power" or "diverse"',
        "logdet": 'use "lcmd" or "reduction"',
    },
}
"""Role -> name that was removed -> what to do instead."""

REMOVED_OPTIONS: dict[tuple[str, str, str], str] = {("learner", "stacking", "tuned"): 'use "fine-tuned" by itself'}
"""Role, name and option that was removed -> what to do instead."""


class RenamedWarning(FutureWarning):
    """A name of a former release was used; it is understood, and the warning gives the new one."""


def current_name(role: str, name: str) -> str:
    """The current name; warns when it differs.

    >>> current_name("score", "ucb")
    'ucb'
    """
    new = NAMES.get(role, {}).get(name)
    if new is None:
        return name
    report(f'the {role} "{name}"', f'"{new}"')
    return new


def current_options(role: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options under their current names, and values that are names themselves; warns of each that differs.

    Args:
        role: such as `learner`.
        name: the current one.
        options: as they were written.

    Raises:
        ConfigError: an option is given by both its names.
    """
    renamed, found = OPTIONS.get((role, name), {}), {}
    for option, value in options.items():
        new = renamed.get(option, option)
        if new != option and new in options:
            problem = f'{role} "{name}": option "{option}" is the former name of "{new}"'
            raise ConfigError(f"{problem}, and both are given. Leave one out.")
        if new != option:
            report(f'the option "{option}" of {role} "{name}"', f'"{new}"')
        inner = ROLES.get((role, new))
        found[new] = current_name(inner, value) if inner and isinstance(value, str) else value
    return found


def spelled_out(role: str, name: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name and options that a former shorthand stands for; warns when it is one.

    >>> spelled_out("learner", "forest", {"trees": 7})
    ('forest', {'trees': 7})
    """
    new, implied = SHORTHANDS.get(role, {}).get(name, (name, {}))
    if new != name:
        words = ", ".join(f"{key} = {value!r}" for key, value in implied.items()).replace("'", '"')
        report(f'the {role} "{name}"', f'"{new}" with the options {words}')
    return new, {**implied, **options}


def known_name(role: str, name: str, known: Collection[str]) -> bool:
    """Whether something has that name now or had it before; a name that was removed is refused.

    Raises:
        ConfigError: it was removed; says what to use instead.

    >>> known_name("learner", "tuned-full", ["fine-tuned"])
    True
    """
    if name in (removed := REMOVED.get(role, {})):
        raise ConfigError(f'the {role} "{name}" was removed: {removed[name]}.')
    return name in known or name in NAMES.get(role, {}) or name in SHORTHANDS.get(role, {})


def report(old: str, new: str) -> None:
    """Warn that something has another name now; the command line prints it as a note.

    Args:
        old: what was used, in words.
        new: what to use from now on, in words.
    """
    note = f"{old} is now called {new}. The old name still works; write the new one."
    warnings.warn(note, RenamedWarning, stacklevel=3)

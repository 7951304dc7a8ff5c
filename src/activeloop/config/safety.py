"""What a config may name that comes from somebody else: files of its own, and models that the operator allows."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from activeloop.config.config import CampaignConfig
from activeloop.errors import ConfigError, InputError, did_you_mean
from activeloop.foundation.checkpoints import BUNDLED
from activeloop.store.folder import RESERVED

LONGEST = 200
"""Bytes of the name of a file that every file system can hold."""
#: what no name of a file has on some system, where it would be a folder, a drive, a pattern or a device
_NO_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
#: an option's word, such as "mc-dropout"; no file and no address is written like this
_WORD = re.compile(r"[A-Za-z0-9_+-]*")
LONGEST_CHAIN = 40_000
"""Residues of a wild type; titin has 35,000."""
LARGEST = 200_000
"""Letters of a config."""
UNPACKED = 256 << 20
"""Bytes of a file once it is unpacked."""
_SEQUENCE = re.compile(r"[A-Za-z*\s]*")


def name_problem(name: str) -> str:
    """Why a text is not the name of a file in a campaign's own folder; "" when it is.

    >>> name_problem("pool (new).csv"), name_problem("../pool.csv"), name_problem("campaign.toml")
    ('', 'it is a path, and only a file of the campaign itself can be named', 'this is a name of the campaign itself')
    """
    if _NO_NAME.search(name) or name.startswith("~") or name in (".", ".."):
        return "it is a path, and only a file of the campaign itself can be named"
    if not name or name != name.strip() or name[0] == "." or name[-1] == "." or _DEVICE.fullmatch(name):
        return "no file can be called that everywhere"
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST or not name.isprintable():
        return f"it is longer than {LONGEST} bytes" if name.isprintable() else "it has signs that cannot be shown"
    return "this is a name of the campaign itself" if name.casefold() in RESERVED else ""


def files_of(config: CampaignConfig) -> dict[str, str]:
    """Key of a config -> the file that it names, of those that name one."""
    tables = config.learner.options.get("tables")
    named = {
        "pool.table": config.pool.table,
        "pool.fasta": config.pool.fasta,
        "learner.family": config.learner.family,
        "learner.history": config.learner.history,
        "learner.options.tables": tables if isinstance(tables, str) else "",
        "pool.cells": config.pool.cells if isinstance(config.pool.cells, str) else "",
        "pool.compounds": config.pool.compounds if isinstance(config.pool.compounds, str) else "",
        **{f"pool.panels[{i}]": name for i, name in enumerate(config.pool.panels)},
    }
    return {key: name for key, name in named.items() if name}


def check_files(config: CampaignConfig, inputs: Collection[str], file: str | None = None) -> None:
    """Refuse a config that names a file other than those that came with it, or files that it does not name.

    Args:
        config: it.
        inputs: names of the files that belong to it.
        file: how messages name the config.

    Raises:
        ConfigError: names the key, the file and what to do.
    """
    named = files_of(config)
    for key, name in named.items():
        if problem := name_problem(name):
            raise ConfigError(f'"{key}" is {_shown(name)}: {problem}. Nothing was stored.', file=file)
        if name not in inputs:
            near = did_you_mean(name, inputs)
            raise ConfigError(
                f'"{key}" is {_shown(name)}, and no such file came with it. {near or "Add it."}', file=file
            )
    for name in inputs:
        if problem := name_problem(name):
            unfit = f"a file cannot be called {_shown(name)}: {problem}."
            raise ConfigError(f"{unfit} Rename it. Nothing was stored.", file=file)
        if name not in named.values():
            problem = f'the file "{name}" is named nowhere in it (such as table = "{name}"): name it or leave it out.'
            raise ConfigError(problem, file=file)
    cased = {name.casefold() for name in named.values()}
    if len(cased) < len(set(named.values())):
        raise ConfigError("two of its files differ by capitals alone, which some disks take for one.", file=file)


def check_safe(
    config: CampaignConfig, inputs: Collection[str], models: Collection[str] = (), file: str | None = None
) -> None:
    """Refuse a config of a user of a service that would open anything but its own files and the allowed models.

    Args:
        config: it.
        inputs: names of the files that came with it.
        models: pretrained models that the operator allows, by hub id or folder, with the revision that a config may
            name as `id@revision`; the one that comes with ActiveLoop is always allowed.
        file: how messages name the config.

    Raises:
        ConfigError: names the key, the value and what to do; nothing was opened.
    """
    check_files(config, inputs, file)
    if not _SEQUENCE.fullmatch(config.pool.wild_type):
        shown = _shown(config.pool.wild_type)
        raise ConfigError(f'"pool.wild_type" is {shown}: write the sequence itself, in letters.', file=file)
    if len(config.pool.wild_type) > LONGEST_CHAIN:
        longest = (
            f"{len(config.pool.wild_type):,} residues are more than any protein has ({LONGEST_CHAIN:,} are allowed)"
        )
        raise ConfigError(f'"pool.wild_type": {longest}. Nothing was stored.', file=file)
    for name in config.robot.devices if config.robot else ():
        if not _WORD.fullmatch(name):
            problem = "here a device is named by one word; whoever runs the worker says which device that is"
            raise ConfigError(f'"robot.devices" holds {_shown(name)}: {problem} (ACTIVELOOP_DEVICES).', file=file)
    named = set(files_of(config))
    for key, options in _options(config):
        for name, value in options.items():
            if f"{key}.{name}" in named:
                continue
            if name == "model":
                _check_model(f"{key}.model", value, models, file)
            elif name == "revision":
                _check_revision(f"{key}.revision", options, models, file)
            elif odd := next((v for v in _texts(value) if not _WORD.fullmatch(v)), None):
                problem = "an option is a number or one word here, and neither a file nor an address"
                raise ConfigError(f'"{key}.{name}" is {_shown(odd)}: {problem}.', file=file)


def names_a_model(config: CampaignConfig) -> bool:
    """Whether a config names a pretrained model, other than the one that is shipped."""
    return any(options.get("model", BUNDLED) not in ("", BUNDLED) for _, options in _options(config))


def check_contents(inputs: Mapping[str, bytes]) -> None:
    """Refuse files of a user of a service that fill the memory once they are unpacked.

    Raises:
        InputError: names the file.
    """
    for name, content in inputs.items():
        if content[:2] == b"\x1f\x8b":
            left, unpack = UNPACKED, zlib.decompressobj(wbits=31)
            piece = content
            while piece and left > 0:
                try:
                    left -= len(unpack.decompress(piece, 1 << 20))
                except zlib.error:
                    break  # whoever reads it says what is wrong
                piece = unpack.unconsumed_tail
                if unpack.eof and unpack.unused_data:  # a file may be packed in several parts
                    piece, unpack = unpack.unused_data, zlib.decompressobj(wbits=31)
            if left <= 0:
                problem = f"unpacked it has more than {UNPACKED >> 20} MiB: split it. Nothing was stored."
                raise InputError(problem, file=name)


def _shown(value: Any) -> str:
    return json.dumps(value if len(str(value)) <= LONGEST else f"{str(value)[:LONGEST]}...", ensure_ascii=False)


def _options(config: CampaignConfig) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "learner.options", config.learner.options
    yield "select.score_options", config.select.score_options
    yield "select.batch_options", config.select.batch_options
    yield "student.options", config.student.options
    yield "student.training", config.student.training


def _texts(value: Any) -> list[str]:
    return [v for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, str)]


def _check_model(key: str, value: Any, models: Collection[str], file: str | None) -> None:
    allowed = [BUNDLED, *dict.fromkeys(m.partition("@")[0] for m in models)]
    if value not in allowed:
        fix = did_you_mean(str(value), allowed) or f"Choose one of: {', '.join(allowed)}."
        problem = f'"{key}" is {_shown(value)}, which is not among the models of this service.'
        raise ConfigError(f"{problem} {fix} Whoever runs the service can allow more.", file=file)


def _check_revision(key: str, options: Mapping[str, Any], models: Collection[str], file: str | None) -> None:
    model, revision = options.get("model", BUNDLED), options["revision"]
    if f"{model}@{revision}" not in models:
        allowed = [m.partition("@")[2] for m in models if m.startswith(f"{model}@")]
        fix = f"Choose one of: {', '.join(allowed)}." if allowed else "Leave it out."
        raise ConfigError(f'"{key}" is {_shown(revision)}, which this service does not allow. {fix}', file=file)

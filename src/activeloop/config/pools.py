"""From a config to its pool: generated, or read from a table, once."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from activeloop._version import __version__
from activeloop.candidates import (
    AMINO_ACIDS,
    ExplicitPool,
    Pool,
    Rules,
    TreatmentPool,
    dose_name,
    read_parent,
)
from activeloop.config.config import PoolConfig
from activeloop.errors import ConfigError, InputError, StoreError
from activeloop.files import write_whole
from activeloop.measurements import Assay, Dataset, read_history
from activeloop.store.folder import CACHE
from activeloop.tables import read_table
from activeloop.tables.names import PARTS

#: from how many candidates on a pool is kept as it was read; each structure takes longer than a thousand names
LONG = {"variants": 5_000, "guides": 5_000, "compounds": 100}
#: of what is kept, and of how tables are read; another number makes everything be read anew
FORM = 1
Progress = Callable[[int, int], None]


def pool_of(config: PoolConfig, base: Path, file: str | None = None, progress: Progress | None = None) -> Pool:
    """The pool of a config.

    A long table is read once: what was read is kept in the campaign's folder `cache`, under a name that depends on the
    table's content, on the config and on the release, and is read anew when it is missing, damaged or of another name.

    Args:
        config: of the pool.
        base: the folder in which its files are looked for.
        file: how messages name the config.
        progress: called with (rows read, rows in all).

    Raises:
        InputError: the pool cannot be made; names the file at fault.
    """
    pool = _pool_of(config, base, file, progress)
    pool.numbering = config.offset
    return pool


def _wild_type(config: PoolConfig) -> str:
    """The wild type as `read_parent` takes it: what is written as letters is a sequence, whatever files are around."""
    return f">wild type\n{config.wild_type}" if re.fullmatch(r"[A-Za-z*\s]+", config.wild_type) else config.wild_type


def keep(pool: Pool, config: PoolConfig, base: Path, file: str | None = None) -> None:
    """Keep what was read of a long table, so that `pool_of` need not read it again.

    Whatever goes wrong is no error: then it is read again. Several processes may do so at once.

    Args:
        pool: of the config.
        config: of the pool.
        base: the campaign's folder.
        file: as in `pool_of`.
    """
    long = LONG.get(config.kind, LONG["variants"])
    if not isinstance(pool, ExplicitPool) or not (config.table or config.fasta) or len(pool) < long or pool.added:
        return
    path, content = _kept(config, base, file), io.BytesIO()
    with suppress(OSError, StoreError):
        path.parent.mkdir(exist_ok=True)
        np.savez(content, **pool.to_arrays())  # type: ignore[arg-type]  # names of arrays are no options
        write_whole(path, content.getbuffer())
        for old in path.parent.glob("pool-*.npz"):
            if old != path:
                old.unlink()


def _kept(config: PoolConfig, base: Path, file: str | None) -> Path:
    """Where what was read of a config's table is kept."""
    with (base / (config.table or config.fasta)).open("rb") as table:
        content = hashlib.file_digest(table, "sha256").hexdigest()
    rdkit = version("rdkit") if config.kind == "compounds" and find_spec("rdkit") else ""
    wild_type = _wild_type(config)
    parent = read_parent(wild_type) if wild_type else ""
    about = [FORM, __version__, rdkit, parent, file is None, content, config.model_dump(mode="json")]
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    return base / CACHE / f"pool-{digest.hexdigest()}.npz"


def _read_before(config: PoolConfig, base: Path, file: str | None) -> ExplicitPool | None:
    """The pool that was kept; None where there is none, or it is damaged."""
    if not (base / CACHE).is_dir():
        return None
    try:
        with _kept(config, base, file).open("rb") as kept, np.load(kept, allow_pickle=False) as arrays:
            return ExplicitPool.from_arrays({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


def _pool_of(config: PoolConfig, base: Path, file: str | None, progress: Progress | None) -> Pool:
    parent = _wild_type(config) or None
    if config.cells:
        return _with_panels(_product(config, base, file), config, base, file)
    if config.table or config.fasta:
        return _with_panels(_listed(config, base, parent, file, progress), config, base, file)
    rules = {"exclude_residues": config.exclude_residues, "forbidden_motifs": config.forbidden_motifs}
    try:
        if config.singles:
            positions = positions_of(config.positions, len(config.wild_type))
            pool = Pool.single_mutants(parent or "", positions, **rules)
            if config.start >= len(config.wild_type):
                raise ConfigError(f"start = {config.start} leaves nothing to propose. Correct it.")
            if config.start:
                pool.rules = replace(pool.rules or Rules(), start=config.start)
            return pool
        sites = [_site(text) for text in config.sites]
        return Pool.combinatorial(parent, sites, max_mutations=config.max_mutations, **rules)
    except InputError as error:
        raise error if error.file or not file else ConfigError(f"[pool]: {error.problem}", file=file) from error


def _product(config: PoolConfig, base: Path, file: str | None) -> TreatmentPool:
    """All combinations of cells, compounds and doses."""
    parts: list[list[str]] = []
    for part, given in (("cells", config.cells), ("compound", config.compounds)):
        if isinstance(given, list):
            parts.append(given)
            continue
        table = read_table(_there(base, given, file))
        named = [*table.named(PARTS[part]), *table.header]
        parts.append([cell for cell in table.column(named[0]) if cell])
    try:
        doses = [dose_name(dose) for dose in config.doses]
        return TreatmentPool(parts[0], parts[1], doses, combined=2 if config.pairs else 1)
    except InputError as error:
        raise error if error.file or not file else ConfigError(f"[pool]: {error.problem}", file=file) from error


def _with_panels(pool: Pool, config: PoolConfig, base: Path, file: str | None) -> Pool:
    """With what the side tables say of the parts of treatments."""
    if not config.panels or not isinstance(pool, TreatmentPool):
        return pool
    return pool.with_panels(*pool.panels_from(_panel_files(config, base, file)))


def _panel_files(config: PoolConfig, base: Path, file: str | None) -> list[Path]:
    return [_there(base, name, file) for name in config.panels]


def history_of(
    name: str, config: PoolConfig, base: Path, pool: Pool, assays: Sequence[Assay], file: str | None = None
) -> Dataset:
    """The measurements from before the campaign that a table in its folder holds.

    Raises:
        ConfigError: there is no such file.
        InputError: it cannot be read.
    """
    return read_history(_there(base, name, file, "learner"), pool, assays[0], _panel_files(config, base, file))


def _there(base: Path, name: str, file: str | None, table: str = "pool") -> Path:
    if not (base / name).is_file():
        raise ConfigError(f'[{table}]: there is no file "{base / name}": put it there or correct its name.', file=file)
    return base / name


def _listed(config: PoolConfig, base: Path, parent: str | None, file: str | None, progress: Progress | None) -> Pool:
    source = base / (config.table or config.fasta)
    if not source.exists():
        raise ConfigError(f'[pool]: there is no file "{source}": put it there or correct its name.', file=file)
    if (before := _read_before(config, base, file)) is not None:
        return before
    merge, skip = config.merge_duplicates, config.skip_unreadable
    if config.fasta:
        pool = Pool.from_fasta(source, parent, merge_duplicates=merge, skip_unreadable=skip)
        return _keeping(pool, config, base, file)
    # A campaign of an earlier release may have been made without saying which numbering its table has.
    offset = config.offset if config.offset is not None or file is None else 0
    pool = Pool.from_table(
        source,
        config.kind,
        parent,
        config.column or None,
        offset,
        merge_duplicates=merge,
        skip_unreadable=skip,
        structures=config.structures,
        progress=progress,
    )
    return _keeping(pool, config, base, file)


def _keeping(pool: Pool, config: PoolConfig, base: Path, file: str | None) -> Pool:
    if file is not None:  # it is the config of a campaign, whose folder this is
        keep(pool, config, base, file)
    return pool


def positions_of(text: str, length: int) -> list[int] | None:
    """Positions from ranges; None (everywhere) for "".

    Args:
        text: such as "20-60, 75".
        length: of the wild type.

    Raises:
        ConfigError: a range runs backwards, or ends beyond the wild type.

    >>> positions_of("3-5, 9", 10)
    [3, 4, 5, 9]
    """
    if not text.strip():
        return None
    positions: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            raise ConfigError(f'positions "{part.strip()}" run backwards. Write them as {int(last)}-{int(first)}.')
        if int(last or first) > length:
            outside = max(int(first), length + 1)
            raise ConfigError(f"position {outside} is outside the wild type (1-{length}). Correct the positions.")
        positions.extend(range(int(first), int(last or first) + 1))
    return positions


def _site(text: str) -> str | tuple[str, str]:
    name, _, letters = text.partition("=")
    return (name.strip(), letters.strip() or AMINO_ACIDS)

"""What a screen has done so far, on disk: killed at any moment, it resumes to the same result."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from activeloop.acquisition.evaluate import CandidateFilter
from activeloop.candidates import Pool, StreamedPool
from activeloop.errors import InputError, StoreError
from activeloop.files import write_whole
from activeloop.screening.topk import BLOCK, TopKSample


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays so that whoever reads, also after a kill, sees the old file or the new one.

    Raises:
        StoreError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None when it is not there.

    Raises:
        StoreError: it is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return dict(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} is damaged. Delete it; what it held is computed anew.") from error


#: rows whose names take part, beside the first and the last
NAMED = 64
#: rows that are looked at together where eligible ones are rare
STRETCH = 100_000


def fingerprint(eligible: CandidateFilter) -> str:
    """A hash of a pool's description, of some of its names, and of what is excluded."""
    pool = eligible.pool
    digest = hashlib.blake2b(digest_size=16)
    rules = "" if pool.rules is None else repr(pool.rules)
    content = [pool.digest] if isinstance(pool, StreamedPool) else _names(pool)
    for text in (pool.describe(), rules, *content):
        digest.update(text.encode() + b"\n")
    digest.update(np.ascontiguousarray(eligible.excluded, np.int64).tobytes())
    return digest.hexdigest()


def _names(pool: Pool) -> list[str]:
    some = np.random.default_rng(0).integers(len(pool), size=NAMED)
    return pool.names(np.unique(np.concatenate([[0, len(pool) - 1], some])))


def some_rows(eligible: CandidateFilter, n: int, seed: int) -> np.ndarray:
    """At most n eligible rows, at random where they are not rare; increasing."""
    n = min(n, len(eligible))
    rows = eligible.sample(n, np.random.default_rng([seed, 5])) if 4 * n <= len(eligible) else None
    if rows is not None:
        return rows
    found = np.zeros(0, np.int64)
    for _, rows in eligible.chunks(STRETCH):
        found = np.concatenate([found, rows])
        if len(found) >= n:
            break
    return found[:n]


#: of the files; those of a later one are refused
FORMAT = 1


@dataclass(frozen=True)
class Progressed:
    """How far the student has come.

    Args:
        done: [B] whether each block of the pool was looked at.
        tally: what is kept of them.
        edges: [H - 1] scores between the strata of the sample.
        seconds: that it took, interruptions not counted.
    """

    done: np.ndarray
    tally: TopKSample
    edges: np.ndarray
    seconds: float

    @classmethod
    def fresh(cls, size: int, edges: np.ndarray) -> Progressed:
        """Of nothing yet."""
        return cls(np.zeros(-(-size // BLOCK), bool), TopKSample.empty(len(edges) + 1), edges, 0.0)

    def after(self, start: int, stop: int, tally: TopKSample) -> Progressed:
        """The same with some rows more."""
        done = self.done.copy()
        done[start // BLOCK : -(-stop // BLOCK)] = True
        return replace(self, done=done, tally=tally)


@dataclass(frozen=True)
class ScreenCheckpoint:
    """The folder of one screen.

    ```
    FOLDER/student.npz           what is kept of all candidates seen so far; replaced as a whole every few seconds
    FOLDER/teacher-00000.npz     what the teacher said of some candidates; one file after the other
    ```

    Args:
        folder: where they stand; made when it is missing.
        bound: what the screen is made of, in words and numbers: files made of something else are refused.
        probe: [P] scores of the student for some rows, and of the teacher: the models must be the same too.
    """

    folder: Path
    bound: Mapping[str, object]
    probe: np.ndarray

    def begun(self) -> Progressed | None:
        """How far the student came; None when there is nothing yet.

        Raises:
            StoreError: the folder cannot be made, or a file in it is damaged or of a later release.
            InputError: the folder holds a screen of something else.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be made ({error.strerror}). Nothing was screened.") from error
        arrays = read_arrays(self._student)
        if arrays is None:
            return None
        try:
            self._check(json.loads(str(arrays.pop("bound"))), arrays.pop("probe"))
            done, edges, seconds = arrays.pop("done"), arrays.pop("edges"), float(arrays.pop("seconds"))
            tally = TopKSample(**{**arrays, "looked": int(arrays["looked"])})  # type: ignore[arg-type]
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise StoreError(f"{self._student} is damaged. Delete the folder; the screen begins anew.") from error
        return Progressed(done, tally, edges, seconds)

    def keep(self, so_far: Progressed) -> None:
        """Write how far the student has come."""
        own = {"bound": np.array(self._text()), "probe": self.probe, "done": so_far.done, "edges": so_far.edges}
        tally = {name: np.asarray(value) for name, value in vars(so_far.tally.sorted()).items()}
        write_arrays(self._student, {**own, **tally, "seconds": np.array(so_far.seconds)})

    def said(self, number: int) -> dict[str, np.ndarray] | None:
        """What the teacher said of one lot of candidates; None when it was not asked yet."""
        return read_arrays(self._teacher(number))

    def write(self, number: int, answer: Mapping[str, np.ndarray]) -> None:
        """Keep what the teacher said."""
        write_arrays(self._teacher(number), answer)

    @property
    def _student(self) -> Path:
        return self.folder / "student.npz"

    def _teacher(self, number: int) -> Path:
        return self.folder / f"teacher-{number:05d}.npz"

    def _text(self) -> str:
        return json.dumps({"format": FORMAT, "block": BLOCK, **self.bound}, sort_keys=True)

    def _check(self, bound: dict[str, object], probe: np.ndarray) -> None:
        mine = json.loads(self._text())
        unlike = [name for name in mine if mine[name] != bound.get(name)]
        if not unlike and not (probe.shape == self.probe.shape and np.allclose(probe, self.probe, 1e-3, 1e-6)):
            unlike = ["what the models say"]
        if unlike:
            problem = f"{self.folder} holds a screen with another {', another '.join(unlike)}."
            raise InputError(f"{problem} Name another folder, or delete this one. Nothing was changed.")

"""The state of a screen on disk: killed at any moment, it resumes to the same result."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from activeloop.acquisition.evaluate import CandidateFilter
from activeloop.candidates import StreamedPool
from activeloop.errors import InputError, StoreError
from activeloop.files import write_whole
from activeloop.screening.topk import BLOCK, TopKSample

#: of the files; those of a later one are refused
FORMAT = 1
#: fields of `TopKSample` whose name in the file differs: files of every release have these words
_STORED = {"visited": "looked", "sample_rows": "drawn", "sample_scores": "marks", "sample_keys": "numbers"}


@dataclass(frozen=True)
class ScanState:
    """How far the student has come.

    Args:
        done: [B] whether each block of the pool was scored.
        top: what is retained of them.
        edges: [H - 1] scores between the strata of the sample.
        seconds: that it took, interruptions not counted.
    """

    done: np.ndarray
    top: TopKSample
    edges: np.ndarray
    seconds: float

    @classmethod
    def fresh(cls, size: int, edges: np.ndarray) -> ScanState:
        """Of nothing yet."""
        return cls(np.zeros(-(-size // BLOCK), bool), TopKSample.empty(len(edges) + 1), edges, 0.0)

    def after(self, start: int, stop: int, top: TopKSample) -> ScanState:
        """The same with some rows more."""
        done = self.done.copy()
        done[start // BLOCK : -(-stop // BLOCK)] = True
        return replace(self, done=done, top=top)


@dataclass(frozen=True)
class ScreenCheckpoint:
    """The folder of one screen.

    ```
    FOLDER/student.npz           what is retained of all candidates scored so far; replaced as a whole
    FOLDER/teacher-00000.npz     the teacher's predictions of some candidates; one file after the other
    ```

    Args:
        folder: made when it is missing.
        settings: of the screen, by names that messages use: files of others are refused.
        probe: [2, P] scores of some rows by student and teacher: the models must be the same too.
    """

    folder: Path
    settings: Mapping[str, object]
    probe: np.ndarray

    def load(self) -> ScanState | None:
        """How far the student came; None when there is nothing yet.

        Raises:
            StoreError: the folder cannot be made, or a file in it is damaged or of a later release.
            InputError: the folder holds another screen.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be made ({error.strerror}). Nothing was screened.") from error
        arrays = read_arrays(self._student)
        if arrays is None:
            return None
        try:
            self._check(json.loads(str(arrays["bound"])), arrays["probe"])
            stored = {f.name: arrays[_STORED.get(f.name, f.name)] for f in fields(TopKSample)}
            top = TopKSample(**{**stored, "visited": int(stored["visited"])})  # type: ignore[arg-type]
            return ScanState(arrays["done"], top, arrays["edges"], float(arrays["seconds"]))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise StoreError(f"{self._student} is damaged. Delete the folder; the screen begins anew.") from error

    def save(self, state: ScanState) -> None:
        """Write how far the student has come."""
        top = {_STORED.get(name, name): np.asarray(value) for name, value in vars(state.top.sorted()).items()}
        own = {"bound": np.array(self._text()), "probe": self.probe, "done": state.done, "edges": state.edges}
        write_arrays(self._student, {**own, **top, "seconds": np.array(state.seconds)})

    def load_rescored(self, number: int) -> dict[str, np.ndarray] | None:
        """The teacher's predictions of one chunk of candidates; None when there are none yet."""
        return read_arrays(self._teacher(number))

    def save_rescored(self, number: int, predictions: Mapping[str, np.ndarray]) -> None:
        """Write the teacher's predictions of one chunk."""
        write_arrays(self._teacher(number), predictions)

    @property
    def _student(self) -> Path:
        return self.folder / "student.npz"

    def _teacher(self, number: int) -> Path:
        return self.folder / f"teacher-{number:05d}.npz"

    def _text(self) -> str:
        return json.dumps({"format": FORMAT, "block": BLOCK, **self.settings}, sort_keys=True)

    def _check(self, stored: dict[str, object], probe: np.ndarray) -> None:
        own = json.loads(self._text())
        # the marginal score had another name in the first release
        stored = {**stored, "score": str(stored.get("score")).replace("Together(", "MarginalScore(")}
        different = [name for name in own if own[name] != stored.get(name)]
        if not different and not (probe.shape == self.probe.shape and np.allclose(probe, self.probe, 1e-3, 1e-6)):
            different = ["prediction of the models"]
        if different:
            problem = f"{self.folder} holds a screen with another {', another '.join(different)}."
            raise InputError(f"{problem} Name another folder, or delete this one. Nothing was changed.")


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


#: rows whose names are part of the fingerprint, beside the first and the last
NAMED = 64
#: rows that are filtered together where eligible ones are rare
STRETCH = 100_000


def fingerprint(eligible: CandidateFilter) -> str:
    """A hash of a pool's description, of some of its names, and of what is excluded."""
    pool = eligible.pool
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(pool, StreamedPool):
        content = [pool.digest]
    else:
        some = np.random.default_rng(0).integers(len(pool), size=NAMED)
        content = pool.names(np.unique(np.concatenate([[0, len(pool) - 1], some])))
    for text in (pool.describe(), "" if pool.rules is None else repr(pool.rules), *content):
        digest.update(text.encode() + b"\n")
    digest.update(np.ascontiguousarray(eligible.excluded, np.int64).tobytes())
    return digest.hexdigest()


def eligible_rows(eligible: CandidateFilter, n: int, seed: int) -> np.ndarray:
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

"""What a screen has done so far, on disk: killed at any moment, it goes on to the same result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from activeloop.errors import InputError, StoreError
from activeloop.students.screening.files import read_arrays, write_arrays
from activeloop.students.screening.scan import BLOCK
from activeloop.students.screening.tally import Tally

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
    tally: Tally
    edges: np.ndarray
    seconds: float

    @classmethod
    def fresh(cls, size: int, edges: np.ndarray) -> Progressed:
        """Of nothing yet."""
        return cls(np.zeros(-(-size // BLOCK), bool), Tally.empty(len(edges) + 1), edges, 0.0)

    def after(self, start: int, stop: int, tally: Tally) -> Progressed:
        """The same with some rows more."""
        done = self.done.copy()
        done[start // BLOCK : -(-stop // BLOCK)] = True
        return replace(self, done=done, tally=tally)


@dataclass(frozen=True)
class Journal:
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
            tally = Tally(**{**arrays, "looked": int(arrays["looked"])})  # type: ignore[arg-type]
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

"""Writes a student as one HTML page that predicts in any browser."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from activeloop.candidates import CombinatorialPool, Pool
from activeloop.errors import InputError
from activeloop.fidelity import warnings_of
from activeloop.files import write_whole
from activeloop.prediction import Prediction
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.onnx import read_student

FOLDER = Path(__file__).parent / "vendor"
VERSION = "1.30.0"
SCRIPT = "ort.wasm.bundle.min.mjs"
#: compressed; browsers unpack it themselves
BINARY = "ort-wasm-simd-threaded.wasm.gz"
#: file -> its SHA-256
SUMS = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    BINARY: "bf933930bc90cf4f613f36cdc41616b54cfd2e9930478b574aed6ed4ef9ff8ca",
}
#: the end of the script: exports of a module, which a script inside a page cannot have
_EXPORTS = "export{rs as InferenceSession,"


@cache
def runtime_file(name: str) -> bytes:
    """The bytes of one of its files.

    Raises:
        InputError: the file is missing or was changed.
    """
    path = FOLDER / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SUMS[name]:
        problem = "this file of ONNX Runtime is missing or damaged. Install ActiveLoop again. No page was written."
        raise InputError(problem, file=str(path))
    return content


def runtime_script() -> str:
    """The script, which sets `window.onnx` instead of exporting it.

    >>> runtime_script().endswith("window.onnx={InferenceSession:rs,Tensor:de,env:Y};")
    True
    """
    code, exports, _ = runtime_file(SCRIPT).decode().partition(_EXPORTS)
    assert exports, "the checksum was right, so the exports stand there"
    return code + "window.onnx={InferenceSession:rs,Tensor:de,env:Y};"


#: candidates that are compared with the wild type; of larger pools a random part
MOST = 200_000


@dataclass(frozen=True)
class Varied:
    """Where a pool varies.

    Args:
        mutations: of the candidate with most of them; 0 where the pool has no wild type.
        positions: in the wild type, that vary; () where it has none.

    >>> Varied.of(Pool.single_mutants("MKTA", positions=[2, 3]))
    Varied(mutations=1, positions=(2, 3))
    """

    mutations: int
    positions: tuple[int, ...]

    @classmethod
    def of(cls, pool: Pool) -> Varied:
        """That of a pool; of a very large one, that of a random part."""
        sites = pool.sites
        if sites is None or sites.parent is None:
            return cls(0, ())
        positions = tuple(sorted({int(p) for p in sites.positions}))
        if isinstance(pool, CombinatorialPool) and len(pool) > MOST:
            return cls(len(positions), positions)
        rows = np.arange(len(pool))
        if len(rows) > MOST:
            rows = np.random.default_rng(0).choice(rows, MOST, replace=False)
        return cls(int((pool.codes(rows) != sites.parent).sum(1).max(initial=0)), positions)

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {"mutations": self.mutations, "positions": list(self.positions)}


_HERE = Path(__file__).parent
#: in this order: each uses only those before it
_SCRIPTS = (
    "format", "checksum", "alignment", "variants", "reading", "student", "answer", "list", "card", "singles", "colours",
    "heatmap", "map", "main",
)  # fmt: skip
#: of the intervals on the page
LEVEL = 0.9


def write_page(
    student_file: str | Path, out: str | Path, *, pool: Pool | None = None, notes: Sequence[str] = ()
) -> Path:
    """Write a student as one HTML file that predicts in any browser, also opened by a double click and offline.

    Args:
        student_file: an exported student.
        out: folder to write `index.html` into; made when it is not there.
        pool: that it was made for; the page then marks extrapolated predictions.
        notes: warnings that the page shows.

    Returns:
        The path of the page.

    Raises:
        InputError: the file is no student; no page was written.
        StoreError: the folder cannot be written; no page was written.
        MissingExtraError: onnxruntime is not installed.
    """
    card = read_student(student_file)[0]
    text = _page(card, Path(student_file).read_bytes(), None if pool is None else Varied.of(pool), notes)
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"no folder can be made here ({error.strerror}). Name another. No page was written."
        raise InputError(problem, file=os.fspath(out)) from None
    return write_whole(Path(out) / "index.html", text.encode())


def _page(card: ModelCard, student: bytes, varied: Varied | None, notes: Sequence[str]) -> str:
    style, scripts = _read("style.css"), [runtime_script(), "\n".join(_read(f"js/{name}.js") for name in _SCRIPTS)]
    # in JSON a "<" can also be written so, and then nothing in it ends the element
    written = json.dumps(_data(card, varied, notes), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    packed = base64.b64encode(gzip.compress(student, mtime=0)).decode()
    parts = {
        "title": html.escape(_title(card)),
        "policy": _policy(style, scripts),
        "style": style,
        "runtime": VERSION,
        "licence": html.escape((FOLDER / "LICENSE").read_text("utf-8")),
        "written": written,
        "student": packed,
        "checksum": hashlib.sha256(f"{written}\n{packed}".encode()).hexdigest(),
        "wasm": base64.b64encode(runtime_file(BINARY)).decode(),
        "scripts": "\n".join(f'<script type="module">{script}</script>' for script in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read("page.html"))


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _title(card: ModelCard) -> str:
    names = ", ".join(assay.name for assay in card.assays)
    return (
        f"Predicted class of {card.tokenizer.kind}: {names}"
        if card.classes
        else f"Predicted {names} of {card.tokenizer.kind}"
    )


def _policy(style: str, scripts: Sequence[str]) -> str:
    """A content security policy: nothing is loaded, and only the page's own scripts run."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed} 'wasm-unsafe-eval'; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(card: ModelCard, varied: Varied | None, notes: Sequence[str]) -> dict[str, object]:
    """The data of the page's own code."""
    return {
        "card": json.loads(card.to_json()),
        "signs": [1] * len(card.classes) if card.classes else [assay.sign for assay in card.assays],
        "quantiles": _quantiles(card).tolist(),
        "varied": None if varied is None else varied.as_json(),
        "notes": [*filter(None, [card.note, *warnings_of(card.fidelity)]), *notes],
    }


def _quantiles(card: ModelCard) -> np.ndarray:
    """[A, 2] ends of the interval of a prediction with mean 0 and standard deviation 1, which the page scales."""
    zero = np.zeros((1, card.outputs))
    unit = Prediction(zero[None], zero, zero + 1, zero[0], card.classes, None if card.classes else card.shape)
    return np.array(unit.interval(LEVEL))[:, 0].T

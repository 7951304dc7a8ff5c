"""ONNX Runtime for browsers, as it lies beside this file."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from activeloop.errors import InputError

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
#: what the script ends with: a module's exports, which a script inside a page cannot have
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
    """The script, which gives what a page needs as `window.onnx` instead of exporting it.

    >>> runtime_script().endswith("window.onnx={InferenceSession:rs,Tensor:de,env:Y};")
    True
    """
    code, exports, _ = runtime_file(SCRIPT).decode().partition(_EXPORTS)
    assert exports, "the checksum was right, so the exports stand there"
    return code + "window.onnx={InferenceSession:rs,Tensor:de,env:Y};"

"""A student as one file that runs wherever onnxruntime does."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from activeloop.errors import MissingExtraError, ModelError
from activeloop.files import write_whole
from activeloop.students.body import Body
from activeloop.students.card import KEY
from activeloop.students.checks import check_alike, check_same, probes
from activeloop.students.graph import traced
from activeloop.students.onnx_runner import OnnxRunner, session_of
from activeloop.students.quantised import rounded, stored_as_int8
from activeloop.students.scaled import Scaled
from activeloop.students.student import Student
from activeloop.students.torch_runner import TorchRunner


def export(student: Student, path: str | Path, int8: bool = False) -> Path:
    """Write a student to one file: graph, weights and card.

    Before anything is written the file is run by onnxruntime on random candidates of several lengths, padding among
    them, and must say what the student says. The same student gives the same bytes.

    Args:
        student: one that was taught here.
        path: of the `.onnx` file; an older one is replaced, whole or not at all.
        int8: store weights as whole numbers of 8 bits, with a factor for each row. They are turned back when the file
            is loaded, so the file is a quarter as large and as quick as the other.

    Returns:
        The path.

    Raises:
        ModelError: the file does not say what the student says, or the student was not taught here; nothing is written.
        StoreError: it cannot be written.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    return write_whole(path, as_bytes(student, int8))


def as_bytes(student: Student, int8: bool = False) -> bytes:
    """The content of the file that `export` writes, checked as there."""
    if not isinstance(student.runner, TorchRunner):
        raise ModelError("this student was read from a file: copy that. Only a student taught here can be exported.")
    if student.card.outputs != student.runner.module.outputs:
        raise ModelError("the card of this student is not that of its network. Nothing was written.")
    module = _ready(student.runner.module)
    kept = module if not int8 else _ready(rounded(module))
    content = _content(student, kept, int8)
    try:
        runner = OnnxRunner(session_of(content, 1))
    except MissingExtraError:
        raise
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the exported student ({error}). Nothing was written.") from error
    reading = student.card.reading
    for tokens in probes(reading, student.card.seed):
        check_same(runner, kept, tokens)
    if int8:
        check_alike(kept, module, reading, student.card.seed)
    return content


def _ready(module: Scaled) -> Scaled:
    """A copy that no longer changes: what follows from its weights is computed."""
    module = copy.deepcopy(module).eval()
    for part in module.modules():
        if isinstance(part, Body):
            part.settle()
    return module.requires_grad_(False)


def _content(student: Student, module: Scaled, int8: bool) -> bytes:
    tokens = torch.from_numpy(probes(student.card.reading, student.card.seed)[0])
    model = traced(module, tokens)
    if int8:
        stored_as_int8(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, student.card.text()
    return model.SerializeToString(deterministic=True)

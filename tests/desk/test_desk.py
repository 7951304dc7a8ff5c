"""Every use case: typed in, typed out, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path

import pytest

import activeloop.desk
from activeloop import desk

FOLDER = Path(activeloop.desk.__file__).parent


@pytest.mark.parametrize("name", desk.USE_CASES)
def test_the_result_is_typed_and_has_a_schema(name):
    schema = desk.schema(name)
    json.dumps(schema)
    inner = schema.get("items") or schema.get("prefixItems") or schema
    assert inner, name
    found = desk.result_type(name)
    if dataclasses.is_dataclass(found):
        assert getattr(found, "__dataclass_params__").frozen  # noqa: B009


#: functions on a campaign that use cases are made of
PARTS = {
    "fit_together",
    "known_plates",
    "known_predictions",
    "last_proposal",
    "measure",
    "measured_list",
    "notebook_entries",
    "picture_of",
    "plate_settings",
    "predict_pool",
    "predictions_file",
    "report",
    "student_page",
    "student_settings",
}


def test_no_use_case_is_forgotten():
    found = set()
    for path in FOLDER.glob("[!_]*.py"):
        module = import_module(f"activeloop.desk.{path.stem}")
        own = [f for f in vars(module).values() if isfunction(f) and f.__module__ == module.__name__]
        public = [f for f in own if not f.__name__.startswith("_")]
        found |= {f.__name__ for f in public if next(iter(signature(f).parameters), "") == "loop"}
    assert found - desk.USE_CASES.keys() <= PARTS


def test_no_module_needs_a_terminal_or_torch():
    names = ["activeloop.desk", *(f"activeloop.desk.{path.stem}" for path in sorted(FOLDER.glob("[!_]*.py")))]
    code = (
        "import sys\n"
        "from importlib import import_module\n"
        f"for name in {names}:\n"
        "    import_module(name)\n"
        "    if heavy := {'typer', 'rich', 'torch'} & set(sys.modules): sys.exit(f'{name} loads {heavy}')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("name", desk.USE_CASES)
def test_a_use_case_stands_in_a_module_of_its_part(name):
    module = import_module(f"activeloop.desk.{desk.USE_CASES[name]}")
    assert desk.use_case(name) is getattr(module, name)
    assert desk.use_case(name).__doc__

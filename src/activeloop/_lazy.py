"""Packages whose names are imported when they are first used, so that a command loads only what it needs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


def on_use(package: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package that imports its names in an `if TYPE_CHECKING:` block.

    Type checkers and readers see ordinary imports; here they are read as the table of where each name stands.

    Args:
        package: its `__name__`.

    >>> getattr(sys.modules["activeloop"], "Pool").__module__
    'activeloop.candidates.pool'
    """

    def __getattr__(name: str) -> Any:
        module = _homes(package).get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__


@cache
def _homes(package: str) -> dict[str, str]:
    """Name -> module, of all imports in the package's `if TYPE_CHECKING:` block."""
    loader: Any = sys.modules[package].__loader__
    blocks = [node for node in ast.parse(loader.get_source(package)).body if isinstance(node, ast.If)]
    found = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: str(node.module) for node in found for alias in node.names}

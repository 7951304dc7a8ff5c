"""The house: no two files import each other, and neither do two parts."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

import activeloop

GRAPH = grimp.build_graph(activeloop.__name__, cache_dir=None)
IMPORTS = {module: GRAPH.find_modules_directly_imported_by(module) for module in GRAPH.modules}


def part(module: str) -> str:
    """`activeloop.models` of `activeloop.models.gp.exact`."""
    return ".".join(module.split(".")[:2])


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, or an empty list."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_circle_of_files():
    """Imports inside functions and for type checking count."""
    assert circle(IMPORTS) == []


def test_no_circle_of_parts():
    parts: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        if module != "activeloop":  # its names are imported on use, from every part
            parts.setdefault(part(module), set()).update({part(name) for name in imported} - {part(module)})
    assert circle(parts) == []


@pytest.mark.parametrize("imports", [{"a": {"b"}, "b": {"c"}, "c": {"a"}}, {"a": {"b"}, "b": {"a"}}])
def test_a_circle_would_be_found(imports):
    assert circle(imports)

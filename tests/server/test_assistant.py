"""What an assistant sees and may do, over the protocol itself."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from served import CONFIG

from activeloop.config import Store


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    Store.open(tmp_path / "lab").create("kinase", CONFIG)
    return tmp_path / "lab"


def talk(lab: Path, *options: str, calls: list[tuple[str, dict[str, Any]]]) -> tuple[set[str], list[Any]]:
    """The names of the tools, and what some calls gave."""
    code = "from activeloop.cli import main; main()"
    arguments = ["-c", code, "mcp", str(lab), *options]
    how = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))

    async def session() -> tuple[set[str], list[Any]]:
        async with stdio_client(how) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            tools = {tool.name for tool in (await client.list_tools()).tools}
            return tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(asyncio.wait_for(session(), 90))


def test_an_assistant_looks_and_does_nothing(lab):
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_campaigns", {}),
        ("campaign_status", {"campaign": "kinase"}),
        ("campaign_status", {"campaign": "other"}),
        ("propose_plate", {"campaign": "kinase"}),
    ]
    tools, (listed, status, unknown, refused) = talk(lab, calls=calls)
    assert "propose_plate" not in tools
    assert "kinase" in str(listed)
    assert "418" in str(status)
    assert unknown.is_error
    assert 'no campaign "other"' in str(unknown)
    assert refused.is_error


def test_an_assistant_that_may_records_and_proposes(lab):
    rows = [{"candidate": n, "assay": "activity", "value": v} for n, v in (("K2R", 0.5), ("T3S", 0.7))]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("record_results", {"campaign": "kinase", "measurements": rows, "source": "notebook 3"}),
        ("propose_plate", {"campaign": "kinase", "number": 4}),
        ("list_plates", {"campaign": "kinase"}),
    ]
    tools, (stored, proposed, plates) = talk(lab, "--allow-writes", calls=calls)
    assert not {"void_results", "promote_version"} & tools  # which a person signs
    assert not stored.is_error, stored
    assert "plate-1" in str(proposed)
    assert "plate-1" in str(plates)

"""A server of the Model Context Protocol: assistants ask about campaigns, and do more only where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from activeloop._version import __version__
from activeloop.client.client import Client

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from mcp.types import ToolAnnotations

Tool = TypeVar("Tool", bound=Callable[..., Any])

INSTRUCTIONS = (
    "ActiveLoop chooses what a laboratory measures next. A campaign has a pool of candidates, assays, proposals laid "
    "out on plates, results, and versions of a model. Name campaigns by their name or key. Values are in the units of "
    "the assays; predictions have 90 % intervals. Results are never deleted, only voided by people."
)


def assistant(client: Client, *, writes: bool = False) -> MCPServer:
    """The tools of an assistant.

    Args:
        client: of the server whose campaigns it sees.
        writes: whether it may propose plates, record results, pin and veto candidates, too. To void and to promote
            needs a person's signature.

    Raises:
        MissingExtraError: the library `mcp` is not installed.
    """
    from activeloop.errors import MissingExtraError

    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.types import ToolAnnotations
    except ModuleNotFoundError as error:
        raise MissingExtraError("a server for assistants", "server") from error
    server = MCPServer("activeloop", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    reads = _tool(server, ToolAnnotations(read_only_hint=True))

    @reads
    def list_campaigns(search: str = "") -> list[dict[str, Any]]:
        """All campaigns, newest first, with their keys and names."""
        return [one.model_dump(mode="json") for one in client.campaigns(search)]

    @reads
    def campaign_status(campaign: str) -> dict[str, Any]:
        """Where a campaign stands: rounds, results, the best so far, the model, and what to do next."""
        return client.campaign(campaign).status().model_dump(mode="json")

    @reads
    def list_candidates(
        campaign: str, search: str = "", sort: str = "acquisition", offset: int = 0, limit: int = 20
    ) -> dict[str, Any]:
        """Candidates of the pool with predictions, results and state, best first by `sort` (see `sorts`)."""
        page = client.campaign(campaign).candidates(search=search, sort=sort, offset=offset, limit=min(limit, 200))
        return page.model_dump(mode="json")

    @reads
    def predict_candidates(campaign: str, names: list[str]) -> dict[str, Any]:
        """Predict candidates by the current version; they need not be in the pool. Nothing is stored."""
        return client.campaign(campaign).predict(names).model_dump(mode="json")

    @reads
    def list_proposals(campaign: str) -> list[dict[str, Any]]:
        """What was proposed, newest first: candidates, predictions and reasons."""
        return [one.model_dump(mode="json") for one in client.campaign(campaign).proposals()]

    @reads
    def list_plates(campaign: str) -> list[dict[str, Any]]:
        """The plates: which well holds which candidate."""
        return [one.model_dump(mode="json") for one in client.campaign(campaign).plates()]

    @reads
    def list_results(campaign: str, candidate: str = "", plate: str = "", limit: int = 200) -> list[dict[str, Any]]:
        """Results on record, also voided ones, of a candidate or a plate or all."""
        found = client.campaign(campaign).results(candidate=candidate, plate=plate)
        return [one.model_dump(mode="json") for one, _ in zip(found, range(min(limit, 1000)), strict=False)]

    @reads
    def list_versions(campaign: str) -> dict[str, Any]:
        """Versions of the model with their metrics, and which one is current."""
        return client.campaign(campaign).versions().model_dump(mode="json")

    if writes:
        _add_writes(server, client)
    return server


def _tool(server: MCPServer, annotations: ToolAnnotations) -> Callable[[Tool], Tool]:
    """Makes a function a tool whose errors are told as they are, since they say what to do."""
    from mcp.server.mcpserver.exceptions import ToolError

    from activeloop.errors import ActiveLoopError

    def added(function: Tool) -> Tool:
        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            try:
                return function(*given, **named)
            except ActiveLoopError as error:
                raise ToolError(str(error)) from error

        server.tool(annotations=annotations, structured_output=True)(call)
        return function

    return added


def _add_writes(server: MCPServer, client: Client) -> None:
    from mcp.types import ToolAnnotations

    changes = ToolAnnotations(read_only_hint=False, destructive_hint=False)
    tool = _tool(server, changes)

    @tool
    def propose_plate(campaign: str, number: int | None = None) -> dict[str, Any]:
        """Choose the next candidates and lay out their plate; while a proposal is out, it is that one again."""
        return client.campaign(campaign).propose(number).model_dump(mode="json")

    @tool
    def record_results(campaign: str, measurements: list[dict[str, Any]], source: str) -> dict[str, Any]:
        """Store values, all or none: of each `candidate`, `assay`, `value` (null = failed well), `plate`, `well`.

        `source` is the device and run, or what stands for a file's name.
        """
        return client.campaign(campaign).record(measurements, source).model_dump(mode="json")

    @tool
    def pin_candidates(campaign: str, names: list[str], reason: str) -> list[str]:
        """Put candidates on the next plate, and say why."""
        return client.campaign(campaign).pin(names, reason)

    @tool
    def veto_candidates(campaign: str, names: list[str], reason: str) -> list[str]:
        """Exclude candidates from all later plates, and say why."""
        return client.campaign(campaign).veto(names, reason)

    @tool
    def fit_version(campaign: str) -> dict[str, Any]:
        """Fit a version of the model to all results now."""
        return client.campaign(campaign).fit().model_dump(mode="json")

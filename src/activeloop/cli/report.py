"""`activeloop report`: one page about a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, check_file, next_step, note, opened, say

OUT = typer.Option(metavar="FILE.html", help="Where to write the page (default: DIR/report.html).")
PRICE = typer.Option("--price-per-well", help="Price of one well, in any currency (default: that of campaign.toml).")


def report(
    directory: Folder,
    out: Annotated[Path | None, OUT] = None,
    price_per_well: Annotated[float | None, PRICE] = None,
) -> None:
    """Write a page about a campaign: the best so far, predictions against results, plates, cost, and what next.

    It needs nothing else: send it, keep it or print it.
    """
    from activeloop.desk.report import report_page
    from activeloop.files import write_whole

    check_file(out, (".html",), "No report was written.")
    loop = opened(directory)
    found = report_page(loop, price_per_well)
    path = write_whole(out or loop.folder.path / "report.html", found.page)
    if found.stale:
        note(f"results came in since the last version. `activeloop fit {directory}` first, and predictions know them.")
    say(f"Written: {path} ({len(found.page) / 1e6:.1f} MB)")
    next_step("open it in a browser; its print is for A4.")

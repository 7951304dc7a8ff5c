"""The list of verbs; each one's module is imported when it is called, so `--help` is quick."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

#: verb -> what it does; its function has its name and stands in the module of its name
VERBS = {
    "new": "Make a campaign: what may be tested, what is measured.",
    "propose": "Choose the next candidates and lay out their plate.",
    "record": "Store results that came back.",
    "fit": "Fit a new version of the model.",
    "status": "Where the campaign stands and what to do next.",
    "worth": "Was the last round worth it? Stop now?",
    "predict": "What the model says about candidates.",
    "distil": "Teach a small student of the model: for any machine, a browser, a screen.",
    "screen": "Score millions of candidates with a student, pick with its teacher.",
    "plate": "Draw or export a plate again.",
    "pin": "Put candidates on the next plate.",
    "veto": "Never propose some candidates.",
    "void": "Declare results wrong; they stay on record.",
    "replay": "Replay a campaign on recorded data.",
    "evaluate": "Five-fold prediction of a table.",
    "doctor": "Does everything work on this machine? Also for a foundation model.",
    "demo": "A whole campaign on a planted landscape.",
}

#: verbs of before -> what does the same now
MOVED = {
    "bench": "`python -m benchmarks SUITE`",
    "pretrain": "`python -m tools.pretrain`",
}


class Verbs(TyperGroup):
    """The group of all verbs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Those whose module is there."""
        return [verb for verb in VERBS if find_spec(f"activeloop.cli.{verb}")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb as a command; imports its module.

        Raises:
            InputError: it was a verb of before; names the command that does the same now.
        """
        if cmd_name in MOVED:
            from activeloop.errors import InputError

            raise InputError(f"`activeloop {cmd_name}` is now {MOVED[cmd_name]}, in a clone of the repository.")
        if cmd_name not in self.list_commands(ctx):
            return None
        function = getattr(import_module(f"activeloop.cli.{cmd_name}"), cmd_name)
        return _command(cmd_name, function)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `--help`, without importing any verb."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb]) for verb in self.list_commands(ctx)])


def _command(name: str, function: Any) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name)(function)
    command = typer.main.get_command(single)
    command.name = name
    return command

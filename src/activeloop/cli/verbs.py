"""The list of verbs; each one's module is imported when it is called, so `--help` is quick."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from activeloop.renamed import REMOVED, current_name, current_options

#: verb -> what it does; its function has its name and stands in the module of its name
VERBS = {
    "new": "Make a campaign: what may be tested, what is measured.",
    "propose": "Choose the next candidates and lay out their plate.",
    "record": "Store results that came back.",
    "readers": "Read files of plate readers and other instruments.",
    "curves": "Fit dose-response curves: IC50s with intervals, limits and pictures.",
    "cells": "Add up single cells (.h5ad) by condition: tables of treatments, lines and drugs.",
    "outcomes": "Check repair outcomes of guides, and predict their distributions.",
    "fit": "Fit a new version of the model.",
    "status": "Show where the campaign stands and what to do next.",
    "extend": "Add combinations of the best hits, a list or new positions to the pool.",
    "assess": "Assess whether another round is worth its cost.",
    "explain": "Explain why candidates were picked, or are predicted as they are.",
    "predict": "Predict candidates, by the model or by a student.",
    "distil": "Distil the model into a small student for any machine, a browser or a screen.",
    "screen": "Screen millions of candidates: a student scores them, the model picks.",
    "plate": "Draw or export a plate again.",
    "order": "Write the DNA of a proposal's variants on a vendor's order form.",
    "report": "Write a page about a campaign: results, predictions, plates, cost, what next.",
    "export": "Export everything as tables: results, predictions, plates, versions, events.",
    "pin": "Put candidates on the next plate.",
    "veto": "Exclude candidates from all later plates.",
    "promote": "Make an earlier or held-back version of the model current.",
    "void": "Declare results wrong; they stay on record.",
    "store": "Keep many campaigns in one place: list them, take in folders, write folders.",
    "serve": "Serve campaigns to people, programs and robots.",
    "robot": "Run a campaign on devices, without anybody.",
    "backup": "Back up all campaigns of a store in one file.",
    "restore": "Restore all campaigns of a backup.",
    "mcp": "Let assistants look at campaigns (Model Context Protocol).",
    "work": "Fit and distil by itself whenever results come in.",
    "verify": "Check that nothing was changed or lost since it was written.",
    "replay": "Replay a campaign on recorded data.",
    "evaluate": "Evaluate learners on a table by five-fold prediction.",
    "doctor": "Check that everything works on this machine, also a foundation model.",
    "demo": "Run a whole campaign against a simulated laboratory.",
}


#: what stands after a verb was stopped by Ctrl-C; {dir} is the campaign's folder
KEPT = {
    "new": "If {dir}/campaign.toml is there, the campaign is whole; if not, nothing was made: type the same again.",
    "propose": "A model that was fitted is kept, and a proposal is stored whole or not at all: `activeloop status "
    "{dir}` shows which. The same command goes on from there.",
    "record": "The file is stored whole or not at all: `activeloop status {dir}` shows which. The same command never "
    "stores it twice.",
    "fit": "All results are kept. No version was stored unless `activeloop status {dir}` shows it; the same command "
    "fits it, and fine-tuning goes on from its last checkpoint.",
    "distil": "Campaign and models are as they were. No student was stored; the same command trains it from the "
    "beginning.",
    "curves": "The results are stored whole or not at all; the same command never stores them twice.",
    "pin": "The event is stored whole or not at all: `activeloop status {dir}` shows which.",
    "replay": "Finished campaigns are kept; the same command continues from there.",
    "evaluate": "Finished folds are not kept; the same command begins anew.",
    "demo": "What was written stays in its folder; the same command makes a new one.",
}
KEPT["store"] = "A campaign is taken in or written whole, or not at all; the same command does the rest."
KEPT |= dict.fromkeys(("veto", "void", "promote"), KEPT["pin"])
#: of verbs that only answer a question
NOTHING = "Nothing was changed."
SEE_ALL = "`activeloop --help` lists all of them."


class StoppedError(Exception):
    """A command was stopped by Ctrl-C."""


class Verbs(TyperGroup):
    """The group of all verbs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs whose module is installed."""
        return [verb for verb in VERBS if find_spec(f"activeloop.cli.{verb}")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb as a command, also under a former name; imports its module.

        Raises:
            InputError: it was removed; the message names a replacement.
        """
        if instead := REMOVED["command"].get(cmd_name):
            from activeloop.errors import InputError

            raise InputError(f"`activeloop {cmd_name}` was removed: {instead}.")
        verb = current_name("command", cmd_name)
        if verb not in self.list_commands(ctx):
            return None
        place = f"activeloop.cli.{verb}"
        if ctx.params.get("server"):
            from activeloop.cli import remote

            if verb not in remote.VERBS:
                from activeloop.errors import InputError

                known = ", ".join(remote.VERBS)
                raise InputError(f"`{verb}` is done where the campaign is. With --server there are: {known}.")
            place = "activeloop.cli.remote" if verb != "new" else place  # which checks here, and makes it there
        return _command(verb, getattr(import_module(place), verb))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb and its arguments, former options under their current names.

        Raises:
            InputError: there is no such verb; the message names the nearest.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from activeloop.errors import InputError, did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise InputError(" ".join(filter(None, (f'there is no command "{args[0]}".', hint, SEE_ALL))))
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, [_current_option(command.name or "", word) for word in rest] if command else rest

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises:
            StoppedError: it was stopped by Ctrl-C.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise StoppedError from None  # Typer would end without a word

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `--help`, without importing any verb."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb]) for verb in self.list_commands(ctx)])


def _current_option(verb: str, word: str) -> str:
    """`--option` or `--option=value` under its current name; other words unchanged."""
    option, equals, value = word.partition("=")
    (new,) = current_options("command", verb, {option: value}) if option.startswith("--") else (option,)
    return f"{new}{equals}{value}"


def _command(name: str, function: Any) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name)(function)
    command = typer.main.get_command(single)
    command.name = name
    return command

"""The command line as a page of the documentation, made from the commands themselves."""

from __future__ import annotations

from typing import Any


def as_markdown(group: Any) -> str:
    """Every verb with its arguments and options.

    Args:
        group: the click group of the command line.
    """
    context = group.make_context("activeloop", [], resilient_parsing=True)
    parts = ["# Commands", "", "`activeloop VERB --help` says the same in the terminal.", ""]
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        parts += [f"## activeloop {verb}", "", (command.help or "").strip(), ""]
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            parts += ["| option | meaning | default |", "|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    elif not getattr(parameter, "is_flag", False) and parameter.metavar:
        names += f" `{parameter.metavar}`"
    default = "" if parameter.default in (None, "", False, ...) or callable(parameter.default) else parameter.default
    shown = getattr(default, "value", default)
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    names = names.replace("|", "\\|")
    return f"| {names} | {text} | {f'`{shown}`' if shown != '' else ''} |"

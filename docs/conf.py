import inspect
from importlib import import_module
from pathlib import Path

import activeloop

project = "ActiveLoop"
author = "The ActiveLoop authors"
project_copyright = "The ActiveLoop authors"
version = release = activeloop.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "results/**"]
html_theme = "furo"
html_title = f"ActiveLoop {release}"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
# scikit-learn writes these into every class of its kind; their text refers to its own documentation
autodoc_default_options = {"exclude-members": "set_predict_request, set_score_request"}
napoleon_google_docstring = True
suppress_warnings = ["ref.python"]


def write_command_line_reference(app) -> None:
    """The reference of the command line is made from the command line itself."""
    from typer.main import get_command

    from activeloop.cli import app as command_line

    target = Path(app.srcdir) / "reference" / "cli.md"
    text = as_markdown(get_command(command_line))
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def as_markdown(group) -> str:
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


def _row(parameter) -> str:
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


#: parts in the order of the house; every name that a part exports is documented
PARTS = (
    *("errors", "tables", "candidates", "measurements", "prediction", "acquisition", "plates", "campaigns"),
    *("encoders", "foundation", "priors", "adapters", "models", "models.heads.base", "models.calibration"),
    *("students", "screening", "replay", "store", "config", "plugins", "testing"),
)


def write_api_reference(app) -> None:
    """The reference of classes and functions is made from what each part exports."""
    lines, documented = ["# Classes and functions", ""], set()
    for part in PARTS:
        module = import_module(f"activeloop.{part}")
        lines += [f"## activeloop.{part}", "", (module.__doc__ or "").strip().split("\n\n")[0], "", "```{eval-rst}"]
        names = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
        ]
        for name in (n for n in names if not n.startswith("_")):
            value = getattr(module, name)
            if id(value) in documented or name.endswith("Config"):  # these stand in reference/config.md
                continue
            documented.add(id(value))
            if inspect.isclass(value):
                lines += [f".. autoclass:: activeloop.{part}.{name}", "   :members:", ""]
            elif inspect.isfunction(value):
                lines += [f".. autofunction:: activeloop.{part}.{name}", ""]
        lines += ["```", ""]
    target = Path(app.srcdir) / "reference" / "api.md"
    text = "\n".join(lines)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def setup(app) -> None:
    app.connect("builder-inited", write_command_line_reference)
    app.connect("builder-inited", write_api_reference)

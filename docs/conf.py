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
napoleon_google_docstring = True
suppress_warnings = ["ref.python"]


def write_command_line_reference(app) -> None:
    """The reference of the command line is made from the command line itself."""
    from typer.main import get_command

    from activeloop.cli import app as command_line
    from activeloop.cli.reference import as_markdown

    target = Path(app.srcdir) / "reference" / "cli.md"
    text = as_markdown(get_command(command_line))
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def setup(app) -> None:
    app.connect("builder-inited", write_command_line_reference)

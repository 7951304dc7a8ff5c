"""Pictures of plates in the documentation: runs the commands of `docs/how-to/at-the-bench.md`.

What these write as `.svg` is copied into `docs/pictures`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "how-to" / "at-the-bench.md"
BLOCK = re.compile(r"^```(?:(?P<shell>console)|text title=(?P<file>\S+))\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Run the page's commands up to the last picture, in an empty folder."""
    pictures = set(re.findall(r"\(\.\./pictures/([\w-]+\.svg)\)", PAGE.read_text("utf-8")))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            if block["file"]:
                (folder / block["file"]).write_text(block["text"], "utf-8")
                continue
            for line in block["text"].splitlines():
                program, *words = shlex.split(line.removeprefix("$ "))
                subprocess.run([Path(sys.executable).with_name(program), *words], cwd=folder, check=True)
            if pictures.issubset(path.name for path in folder.glob("*.svg")):
                break
        for name in sorted(pictures):
            shutil.copy(folder / name, DOCS / "pictures" / name)


if __name__ == "__main__":
    main()

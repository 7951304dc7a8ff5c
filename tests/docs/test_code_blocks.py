"""Every code block that a reader may copy runs: Python of a page in one namespace, `$` lines in one folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [p for p in PAGES if not {"_build", "results"} & {*p.relative_to(ROOT).parts} and p.name != "cli.md"]
KIND = r"python|console|(?:text|toml) title=(?P<file>\S+)"
BLOCK = re.compile(rf"^```({KIND})\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


def run_shell(code: str, folder: Path, page: Path) -> None:
    for line in code.replace("\\\n", " ").splitlines():
        if not line.startswith("$ "):
            continue
        words = shlex.split(line[2:], comments=True)
        if words[0] not in {"activeloop", "python"}:
            continue  # `git clone`, `pip install`, `make ...` are what brought the reader here
        program = [str(Path(sys.executable).with_name(words[0]))]
        done = subprocess.run(
            [*program, *words[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            env={
                **os.environ,
                "COLUMNS": "120",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
        )
        assert done.returncode == 0, f"{page.name}: {line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.stem)
def test_code_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "docs"}
    for match in blocks(page):
        kind, code = match.group(1), match.group("code")
        if match.group("file"):
            (tmp_path / match.group("file")).write_text(code, encoding="utf-8")
        elif kind == "python":
            exec(compile(code, str(page), "exec"), namespace)
        else:
            run_shell(code, tmp_path, page)


def test_there_are_code_blocks() -> None:
    assert sum(len(blocks(p)) for p in PAGES) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []

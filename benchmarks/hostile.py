"""Is every hostile file refused at every entrance, in words and within memory and time?

Each file of `benchmarks.hostile_files` is sent to each entrance by which a file comes in: the routes and forms of a
real `activeloop serve`, the command line, and the folder that the robot watches. What the process and all that it
starts hold is looked at every few milliseconds. A file is refused when nothing of it is stored and a sentence says why.

Writes `entrances.csv` and `README.md`, and exits with status 0 only when every file is refused within the bounds.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import typer

from activeloop.cli.terminal import progress_bar, say
from activeloop.config import open_campaign
from activeloop.files import write_whole
from activeloop.work import Place
from benchmarks.hostile_files import FILES, SEQUENCES, HostileFile
from benchmarks.options import OUT, WORK, own_process
from benchmarks.results import Result, markdown_table
from benchmarks.server import serving
from benchmarks.work import children_of

MEBIBYTES, SECONDS = 512.0, 10.0
"""What refusing one file may take."""
WILD_TYPE = "MKTAYIAKQRQISFVKSHFSRQ"
BASE = f"""
goal = "find"
seed = 1
[[assays]]
name = "activity"
[plate]
wells = 24
controls = 2
control = "WT"
[pool]
kind = "variants"
wild_type = "{WILD_TYPE}"
"""
CONFIG = f"{BASE}singles = true\n"
FORM = {
    "goal": "find",
    "kind": "variants",
    "wild_type": WILD_TYPE,
    "assays": "1",
    "assay_name_0": "activity",
    "wells": "24",
}
WORDS = re.compile(
    r"Traceback|Exception|[a-z]Error\b|<class|0x[0-9a-f]{6,}|NoneType|object has no|codec can't|\bpydantic\b|"
    r"\b(?:str|int|bytes|dict|tuple) object\b|site-packages|activeloop-[a-z0-9_]{8}/|\.py\b"
)
"""What no answer may hold: Python's words, and paths of the machine."""
Takes = Literal["results", "list", "sequences", "table"]


@dataclass(frozen=True)
class Entrance:
    """A way by which a file comes in over HTTP.

    Args:
        send: called with who calls, the key of a campaign, the file's name and its content.
        takes: what the file is there: results, a list of candidates, sequences, or another table.
    """

    send: Callable[[Any, str, str, bytes], Any]
    takes: Takes


def _sent(path: str, name: str = "file", **form: str) -> Callable[[Any, str, str, bytes], Any]:
    """A form with a file; `{}` of its path is the campaign's key."""

    def send(client: Any, key: str, called: str, content: bytes) -> Any:
        files = {name: (called, content, "text/csv")}
        return client.post(path.format(key), data=form, files=files, follow_redirects=False)

    return send


def _json(method: str, path: str, config: str, *, encoded: bool = False) -> Callable[[Any, str, str, bytes], Any]:
    """JSON with a file that the config names."""

    def send(client: Any, key: str, called: str, content: bytes) -> Any:
        text = base64.b64encode(content).decode() if encoded else content.decode("latin-1")
        given = {"config": config.format(json.dumps(called)), "encoded" if encoded else "files": {called: text}}
        if path.endswith("campaigns"):
            given["name"] = "hostile"
        return client.request(method, path.format(key), json=given)

    return send


API = "/api/v1/campaigns/{campaign}"
LIST = f"{BASE}table = {{}}\n"
FASTA = f"{BASE}fasta = {{}}\n"
FAMILY = f"{CONFIG}[learner]\nfamily = {{}}\n"
TREATED = """
[[assays]]
name = "activity"
[pool]
kind = "treatments"
cells = ["A375"]
compounds = ["CCO", "CCN"]
"""
HISTORY = f"{TREATED}[learner]\nhistory = {{}}\n"
ENTRANCES: dict[str, Entrance] = {
    f"POST {API}/results/preview": Entrance(_sent("/api/v1/campaigns/{}/results/preview"), "results"),
    f"POST {API}/results/file": Entrance(_sent("/api/v1/campaigns/{}/results/file"), "results"),
    f"POST {API}/results/file, of an instrument": Entrance(
        _sent("/api/v1/campaigns/{}/results/file", instrument="true"), "results"
    ),
    f"POST {API}/extensions/file": Entrance(_sent("/api/v1/campaigns/{}/extensions/file"), "list"),
    "POST /api/v1/campaigns, text": Entrance(_json("POST", "/api/v1/campaigns", LIST), "list"),
    "POST /api/v1/campaigns, base64": Entrance(_json("POST", "/api/v1/campaigns", LIST, encoded=True), "list"),
    "POST /api/v1/campaigns, sequences": Entrance(
        _json("POST", "/api/v1/campaigns", FAMILY, encoded=True), "sequences"
    ),
    "POST /api/v1/campaigns, FASTA": Entrance(_json("POST", "/api/v1/campaigns", FASTA, encoded=True), "sequences"),
    "POST /api/v1/campaigns/preview": Entrance(_json("POST", "/api/v1/campaigns/preview", LIST), "list"),
    "POST /api/v1/campaigns, history": Entrance(_json("POST", "/api/v1/campaigns", HISTORY, encoded=True), "table"),
    f"PUT {API}/configuration": Entrance(_json("PUT", "/api/v1/campaigns/{}/configuration", LIST), "list"),
    f"POST {API}/proposals/{{number}}/picklists": Entrance(
        _sent("/api/v1/campaigns/{}/proposals/1/picklists", "sources", **{"for": "echo", "volume": "100nL"}), "table"
    ),
    "page new, list, looked at": Entrance(_sent("/new", "list", do="look", design="list", **FORM), "list"),
    "page new, list, made": Entrance(_sent("/new", "list", do="make", design="list", **FORM), "list"),
    "page new, panels, looked at": Entrance(
        _sent("/new", "panels", do="look", design="treatments", cells="A375", compounds="CCO", **FORM), "table"
    ),
    "page new, history, made": Entrance(
        _sent("/new", "history", do="make", design="treatments", cells="A375", compounds="CCO", **FORM), "table"
    ),
    "page candidates, list": Entrance(_sent("/campaigns/{}/extend", "list", way="list"), "list"),
    "page results, file": Entrance(_sent("/campaigns/{}/results", do="preview"), "results"),
    "page results, stored": Entrance(_sent("/campaigns/{}/results", do="store"), "results"),
    "page plate, sources": Entrance(
        _sent("/campaigns/{}/plates/plate-1/picklist", "sources", robot="echo", volume="1 µL", stocks="file"), "table"
    ),
}
"""Name -> every way by which a file comes to a server; a test compares it with its routes and forms."""


def files_for(takes: Takes) -> dict[str, HostileFile]:
    """The files that an entrance must refuse."""
    if takes == "sequences":
        return SEQUENCES
    # a panel may name other lines, a history other candidates
    wrong = {"results": ("file", "names", "values"), "list": ("file", "names"), "table": ("file",)}[takes]
    return {name: file for name, file in FILES.items() if file.wrong in wrong}


def refused(answer: Any) -> str:
    """What is wrong with the answer to a hostile file, "" when it is refused as it should be.

    Args:
        answer: of HTTP: a problem, a page that says it, or a preview whose problems do.
    """
    text = re.sub(r"about:blank#\w+", "", str(answer.text))  # the kind of a problem, for programs
    if found := WORDS.search(text):
        return f"says {found[0]}"
    if answer.status_code >= 500:
        return f"answers {answer.status_code}"
    if answer.status_code < 400:
        if answer.headers.get("content-type", "").startswith("application/json"):
            return "" if answer.json().get("problems") else f"answers {answer.status_code} without a problem"
        return "" if 'role="alert"' in text else f"answers {answer.status_code}"
    return ""


# -- what refusing takes ----------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What a process and all that it starts take while something is done.

    Args:
        process: that is looked at; what it holds at first does not count.
        seconds: of the clock.
        cpu: seconds of computing; of what it started, where it waited for its end.
        mebibytes: the most that it, beyond that, and its children held together.
    """

    process: int
    seconds: float = 0.0
    cpu: float = 0.0
    mebibytes: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def __enter__(self) -> Taken:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._before = used.ru_utime + used.ru_stime
        self._first, self._began, self._cpu = self._held(), time.monotonic(), self._computed()
        self._looker = threading.Thread(target=self._look, daemon=True)
        self._looker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu = time.monotonic() - self._began, self._computed() - self._cpu
        self._ended.set()
        self._looker.join()

    def _look(self) -> None:
        while not self._ended.wait(0.01):
            self.mebibytes = max(self.mebibytes, (self._held() - self._first) / 2**20)

    def _computed(self) -> float:
        """Seconds of the process and its ended children; of the ended children of this process once it has ended."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime - self._before
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def _held(self) -> int:
        return sum(_resident(process) for process in _descendants(self.process))


def _descendants(process: int) -> Iterator[int]:
    """A process and all that it started."""
    yield process
    for child in children_of(process):
        yield from _descendants(child)


def _resident(process: int) -> int:
    """Bytes of memory that a process holds; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@contextmanager
def _made(folder: Path, files: Mapping[str, HostileFile]) -> Iterator[dict[str, Path]]:
    """The files on disk, each made once by a process of its own, as that of a bomb takes memory."""
    script = (
        "import sys; from pathlib import Path; from benchmarks.hostile_files import FILES, SEQUENCES\n"
        "Path(sys.argv[2]).write_bytes((FILES | SEQUENCES)[sys.argv[1]].make())"
    )
    paths = {}
    for number, name in enumerate(files):
        paths[name] = folder / f"file-{number}"
        if not paths[name].exists():
            subprocess.run([sys.executable, "-c", script, name, str(paths[name])], env=own_process(), check=True)
    yield paths


Row = dict[str, Any]
"""Entrance, file, how it went ("" = refused), seconds and MiB."""


def at_server(folder: Path, paths: Mapping[str, Path], entrance: str) -> list[Row]:
    """Files at an entrance of a server of its own.

    Args:
        folder: where it keeps what it has.
        paths: name -> a file.
        entrance: one of `ENTRANCES`.
    """
    os.environ["ACTIVELOOP_REQUESTS_PER_MINUTE"] = "1000000"
    rows = []
    with serving(Place(str(folder), "", "")) as one, httpx.Client(base_url=one.address, timeout=300) as client:
        made = client.post("/api/v1/campaigns", json={"name": "hostile", "config": CONFIG})
        key = made.json()["key"]
        client.post(f"/api/v1/campaigns/{key}/proposals", json={"number": 4}, timeout=300).raise_for_status()

        def stands() -> tuple[int, int]:
            events = client.get(f"/api/v1/campaigns/{key}/events").json()["last"]
            return events, client.get("/api/v1/campaigns").json()["total"]

        before = stands()
        for name, path in paths.items():
            content = path.read_bytes()
            with Taken(one.process.pid) as taken:
                answer = ENTRANCES[entrance].send(client, key, (FILES | SEQUENCES)[name].name, content)
            wrong = refused(answer)
            if (now := stands()) != before:
                wrong, before = f"stored ({answer.status_code})", now
            rows.append(_row(entrance, name, wrong, taken, answer.text))
    return rows


def _row(entrance: str, file: str, wrong: str, taken: Taken, said: str) -> Row:
    if not wrong and min(taken.seconds, taken.cpu) > SECONDS:
        wrong = "takes too long"
    if not wrong and taken.mebibytes > MEBIBYTES:
        wrong = "takes too much memory"
    row = {"entrance": entrance, "file": file, "wrong": wrong}
    return row | {
        "seconds": round(taken.seconds, 2),
        "CPU s": round(taken.cpu, 2),
        "MiB": round(taken.mebibytes),
        "said": _sentence(said),
    }


def _sentence(said: str) -> str:
    """What was said of a file, of a problem or a page."""
    with suppress(ValueError, AttributeError):
        found = json.loads(said)
        said = found.get("detail") or next((p["problem"] for p in found.get("problems", [])), "")
    if alert := re.search(r'role="alert">(.*?)</div>.*?(?:<td class="words">(.*?)</td>)?', said, re.DOTALL):
        said = re.sub(r"<[^>]*>", "", alert[1])
    return " ".join(said.split())[:300]


COMMANDS: dict[str, tuple[tuple[str, ...], Takes]] = {
    "record": (("record", "{campaign}", "{file}"), "results"),
    "record, of an instrument": (("record", "{campaign}", "{file}", "--quantity", "450 nm"), "results"),
    "new --table": (("new", "{new}", "--assay", "activity", "--wild-type", WILD_TYPE, "--table", "{file}"), "list"),
    "new --history": (
        ("new", "{new}", "--assay", "activity", "--cells", "A375", "--compounds", "CCO", "--history", "{file}"),
        "table",
    ),
    "new --panel": (
        ("new", "{new}", "--assay", "activity", "--cells", "A375", "--compounds", "CCO", "--panel", "{file}"),
        "table",
    ),
    "new --fasta": (("new", "{new}", "--assay", "activity", "--fasta", "{file}"), "sequences"),
    "new --wild-type": (("new", "{new}", "--assay", "activity", "--singles", "--wild-type", "{file}"), "sequences"),
    "new --alignment": (
        ("new", "{new}", "--assay", "activity", "--wild-type", WILD_TYPE, "--singles", "--alignment", "{file}"),
        "sequences",
    ),
    "extend --list": (("extend", "{campaign}", "--list", "{file}"), "list"),
    "readers read": (("readers", "read", "{file}"), "results"),
    "robot": (("robot", "{campaign}", "--device", "folder:{watched}", "--pause", "0.2"), "results"),
}
"""Name -> a command that takes a file, and what the file is there. `robot` takes it from the folder that it watches."""


def at_command_line(folder: Path, paths: Mapping[str, Path], command: str) -> list[Row]:
    """Files given to a command, or lying in the folder that it watches.

    Args:
        folder: for a campaign and what is made.
        paths: name -> a file.
        command: one of `COMMANDS`.
    """
    campaign, words = folder / "campaign", COMMANDS[command][0]
    _typed(
        "new", campaign, "--assay", "activity", "--wild-type", WILD_TYPE, "--singles", "--wells", 24, "--controls", 2
    )
    _typed("propose", campaign, "-n", 4)
    rows = []
    for name, path in paths.items():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            inbox = Path(place, "watched", "in")
            inbox.mkdir(parents=True)
            sent = (inbox if command == "robot" else Path(place)) / f"plate-1-{(FILES | SEQUENCES)[name].name}"
            sent.hardlink_to(path)
            where = {"campaign": campaign, "new": Path(place, "new"), "file": sent, "watched": inbox.parent}
            before = open_campaign(campaign).campaign.state().last
            process = _begin(*(word.format(**where) for word in words))
            with Taken(process.pid) as taken:
                said, _ = process.communicate(timeout=300)
            wrong = "answers 0" if process.returncode == 0 and command != "robot" else ""
            if found := WORDS.search(said):
                wrong = f"says {found[0]}"
            events = [r.event for r in open_campaign(campaign).campaign.log if r.sequence > before]
            if Path(place, "new").exists() or any(type(one).__name__ in ("Measured", "Extended") for one in events):
                wrong = "stored"
            rows.append(_row(command, name, wrong, taken, " ".join(said.split()[-60:])))
    return rows


def _begin(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=own_process(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


def _typed(*words: object) -> None:
    process = _begin(*words)
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(said)


# -- the page ---------------------------------------------------------------------------------------------------------

COLUMNS = ("entrance", "file", "wrong", "seconds", "CPU s", "MiB", "said")


def command(
    entrances: Annotated[
        str, typer.Option(metavar="TEXT", help="Only entrances whose names hold one of these, joined by |.")
    ] = "",
    files: Annotated[str, typer.Option(metavar="TEXT", help="Only files whose name holds this.")] = "",
    out: Annotated[Path, OUT] = Path("docs/results"),
    work: Annotated[Path, WORK] = Path("data/work/hostile"),
) -> None:
    """Is every hostile file refused at every entrance?"""
    chosen = {name: file for name, file in (FILES | SEQUENCES).items() if files in name}
    work.mkdir(parents=True, exist_ok=True)
    takes_of: dict[tuple[str, str], Takes] = {(name, "server"): one.takes for name, one in ENTRANCES.items()}
    takes_of |= {(name, "command line"): takes for name, (_, takes) in COMMANDS.items()}
    cells = [cell for cell in takes_of if any(part in cell[0] for part in entrances.split("|"))]
    with progress_bar("entrances") as progress, _made(work, chosen) as paths:
        rows: list[Row] = []
        for number, (name, where) in enumerate(cells, 1):
            kept = work / f"{re.sub('[^a-z]+', '-', name.lower())}.json"
            if not kept.exists():
                one = {file: path for file, path in paths.items() if file in files_for(takes_of[name, where])}
                with tempfile.TemporaryDirectory(dir=work) as folder:
                    found = (at_server if where == "server" else at_command_line)(Path(folder), one, name)
                write_whole(kept, json.dumps(found))
            rows += json.loads(kept.read_text("utf-8"))
            progress(number, len(cells))
    hostile_result(rows).write(out / "hostile", "python -m benchmarks hostile")
    for row in rows:
        if row["wrong"]:
            say(f"{row['entrance']}: {row['file']}: {row['wrong']}", error=True)
    if any(row["wrong"] for row in rows):
        raise typer.Exit(1)


def hostile_result(rows: Sequence[Row]) -> Result:
    """The page of what was found.

    Args:
        rows: of `entrances.csv`.
    """
    names = list(dict.fromkeys(row["entrance"] for row in rows))
    by_entrance = {name: [row for row in rows if row["entrance"] == name] for name in names}
    table = [
        [
            f"`{name}`",
            str(len(found)),
            str(sum(not row["wrong"] for row in found)),
            f"{max(float(row['seconds']) for row in found):.1f}",
            f"{max(float(row['CPU s']) for row in found):.1f}",
            f"{max(float(row['MiB']) for row in found):.0f}",
            max(found, key=lambda row: float(row["MiB"]))["file"],
        ]
        for name, found in by_entrance.items()
    ]
    wrong = [row for row in rows if row["wrong"]]
    every = len(ENTRANCES) + len(COMMANDS)
    part = f" {len(names)} of the {every} entrances were measured so far; the same command goes on." * (
        len(names) < every
    )
    told = f"{len(rows) - len(wrong):,} of {len(rows):,} refused within {SECONDS:g} CPU seconds and {MEBIBYTES:g} MiB."
    found = [f"{row['entrance']}: {row['file']}: {row['wrong']}." for row in wrong]
    return Result(
        question="Is every hostile file refused at every entrance, in words, and within memory and time?",
        how=f"{len({row['file'] for row in rows})} files that are made to do harm (bombs, names that lead elsewhere, "
        "wrong kinds, numbers that are none, what slows patterns) are sent to every route and form of a real "
        "`activeloop serve`, to every command that takes a file of this kind, and to the folder that the robot "
        "watches. Seconds are those until the answer (of a command: of the whole process, and of the robot three looks "
        "at the file), of the clock and of computing, which tells more on a busy machine and has to be 10 at most; "
        "memory is what the process holds beyond what it held before, with all that it starts. "
        "Refused means: nothing of it was stored, a sentence says why, and none of it is Python's.",
        sections=[
            told + part,
            markdown_table(("entrance", "files", "refused", "most seconds", "most CPU s", "most MiB", "with"), table),
            "\n".join(f"- {line}" for line in found),
        ],
        tables={"entrances": (COLUMNS, [[row[name] for name in COLUMNS] for row in rows])},
        parts=("tables", "measurements", "candidates", "server", "work/uploads.py", "desk/record.py", "instruments"),
    )


def read_entrances(folder: Path) -> list[Row]:
    """The rows of a stored page."""
    with (folder / "entrances.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

"""What the commands of a small campaign cost before they begin, and how much code a proposal passes through.

    PYTHONPATH=CHECKOUT/src python benchmarks/startup.py

prints, for the code of that checkout: CPU seconds (user and system, median of five) of `activeloop --help` and of
`activeloop status` for a fitted campaign of 418 single mutants; and for `activeloop propose` on them, for the first
plate and for one after results, how many of our modules are imported and how many of our files are entered (a function
in them is called) until the proposal is stored. All of it by commands, so that it can be run on any commit.
"""

import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"
COMMAND = [sys.executable, "-c", "from activeloop.cli import main; main()"]

#: counts in the process of a command; the last commit before a plate is written is that of the proposal
COUNTING = """
import sys
from pathlib import Path
import activeloop
home = str(Path(activeloop.__file__).parent)
entered, called, seen = set(), set(), []

def profile(frame, event, argument):
    if event == "c_call" and getattr(argument, "__name__", "") == "commit":
        modules = sum(name.partition(".")[0] == "activeloop" for name in sys.modules)
        seen.append((modules, len(entered), len(called)))
    elif event == "call" and frame.f_code.co_flags & 1 and frame.f_code.co_filename.startswith(home):
        entered.add(frame.f_code.co_filename)
        outer = frame.f_back
        while outer and "importlib" not in outer.f_code.co_filename:
            outer = outer.f_back
        if outer is None:
            called.add(frame.f_code.co_filename)

def watch(event, arguments):
    if event == "open" and "plate-" in str(arguments[0]) and seen:
        modules, files, without_imports = seen[-1]
        sys.stderr.write(f"COUNTED {modules} {files} {without_imports}\\n")
        seen.clear()
        sys.setprofile(None)

from activeloop.cli import main
sys.addaudithook(watch)
sys.setprofile(profile)
main()
"""


def run(*arguments: object, program: list[str] = COMMAND) -> str:
    """Type a command; returns what it says on standard error."""
    done = subprocess.run([*program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stderr


def cpu(*arguments: object, times: int = 5) -> float:
    """Median CPU seconds of a command, after one run that is not counted."""
    found = []
    for _ in range(times + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found[1:])


def counted(*arguments: object) -> str:
    """Modules imported and files entered until the proposal is stored."""
    said = run(*arguments, program=[sys.executable, "-c", COUNTING])
    modules, files, called = next(line.split()[1:] for line in said.splitlines() if line.startswith("COUNTED"))
    return f"{modules} modules, {files} files entered ({called} of them not merely by imports)"


def say(what: str, found: str) -> None:
    """A line of what was found."""
    sys.stdout.write(f"{what}: {found}\n")


def main() -> None:
    """Measure and print."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with tempfile.TemporaryDirectory() as work:
        folder, results = Path(work, "campaign"), Path(work, "results.csv")
        run("new", folder, "--wild-type", PARENT, "--singles", "--assay", "kcat")
        say("propose, first plate", counted("propose", folder, "-n", 16))
        with (folder / "plates" / "plate-1.csv").open(newline="") as plate, results.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["plate", "well", "kcat"])
            for i, row in enumerate(row for row in csv.DictReader(plate) if row["kind"] == "candidate"):
                writer.writerow([row["plate"], row["well"], i % 5])
        run("record", folder, results)
        say("propose, second plate", counted("propose", folder, "-n", 16))
        say("activeloop --help", f"{cpu('--help'):.3f} CPU-s")
        say("activeloop status", f"{cpu('status', folder):.3f} CPU-s")


if __name__ == "__main__":
    main()

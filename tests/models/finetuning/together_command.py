"""`activeloop` as torchrun starts it, with a checkpoint after each step; a program of its own.

    together_command.py STEPS.txt KILLED fit DIR

The first process writes down its steps, and is killed after one of them in the first attempt.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from activeloop.cli import main
from activeloop.desk import versions
from activeloop.models.finetuning import adapted, fitting

if __name__ == "__main__":
    steps, killed = sys.argv[1], int(sys.argv[2])
    attempt, watched, checkpointer = (
        os.environ["TORCHELASTIC_RESTART_COUNT"],
        versions.watched_fits,
        fitting.Checkpointer,
    )

    def told(part: str, done: int, most: int) -> None:
        """A step is done."""
        with open(steps, "a", encoding="utf-8") as file:
            file.write(f"{attempt} {done} {most}\n")
        if attempt == "0" and done == killed:
            os.kill(os.getpid(), signal.SIGKILL)

    # in half precision, rounding differs in the third digit between minibatches of other sizes
    adapted.has_bfloat16 = lambda device="cpu": False
    fitting.Checkpointer = lambda file, seconds: checkpointer(file, 0.0)
    versions.watched_fits = lambda progress: partial(watched, told)()
    main(sys.argv[3:])

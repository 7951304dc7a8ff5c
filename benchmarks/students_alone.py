"""Starts a program and tells how long it took and how much memory it held.

    python students_alone.py COMMAND...

Prints one line of JSON: seconds, kilobytes at the most, exit status. It is a small process of its own because a program
inherits the peak of the process that started it, and imports nothing for the same reason.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run, wait, and print."""
    begun = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    told = [time.perf_counter() - begun, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()

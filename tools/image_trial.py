"""What an image is for, done in it; a program of its own, which the container runs. It says what it found, in JSON.

python image_trial.py server|gpu
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

WILD_TYPE = "MKTAYIAKQR"
READY = "http://127.0.0.1:8300/readyz"


def say(**found: object) -> None:
    """A line of what was found."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def typed(*command: str) -> str:
    """What a command of ActiveLoop printed."""
    done = subprocess.run(["activeloop", *command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"activeloop {' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def refused(path: str) -> bool:
    """Whether a file cannot be written."""
    try:
        Path(path).write_text("x")
    except OSError:
        return True
    return False


def rights() -> None:
    """Who this is, and what it may."""
    lines = (line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    status = dict(lines)
    paths = ("/", "/etc", "/opt/activeloop", "/usr/bin", "/var")
    user, capabilities, no_more = int(status["Uid"].split()[0]), int(status["CapEff"], 16), status["NoNewPrivs"] == "1"
    written = [path for path in paths if not refused(f"{path}/trial")]
    say(user=user, capabilities=capabilities, no_more=no_more, written=written)
    if not user or capabilities or not no_more or written:
        sys.exit("it may more than a pod")


def served() -> None:
    """Start the server as the image does, and ask whether it is ready."""
    begun = time.monotonic()
    with subprocess.Popen(["activeloop", "serve", "--no-worker", "--no-browser"], stdout=sys.stderr) as server:
        while True:
            try:
                with urllib.request.urlopen(READY, timeout=5) as answer:
                    say(ready=answer.status, seconds=time.monotonic() - begun)
                    break
            except OSError:
                if server.poll() is not None or time.monotonic() - begun > 120:
                    sys.exit("the server does not become ready")
                time.sleep(0.1)
        status = Path(f"/proc/{server.pid}/status").read_text()
        say(server_mebibytes=int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        server.terminate()
        say(server_ended=server.wait(60))


def worked() -> None:
    """Record results of a campaign, and let a worker fine-tune the model that comes with the package."""
    loop = Path("/work/loop")
    typed("new", str(loop), "--assay", "kcat", "--wild-type", WILD_TYPE, "--singles", "--learner", "fine-tuned")
    config = loop / "campaign.toml"
    config.write_text(config.read_text().replace("[learner]", "[learner]\noptions = {epochs = 1}"))
    rows = [f"{w}{i}{to},{(i * 7 + len(to)) % 5}\n" for i, w in enumerate(WILD_TYPE[1:], 2) for to in "GDE" if to != w]
    Path("/work/results.csv").write_text("variant,kcat\n" + "".join(rows))
    typed("record", str(loop), "/work/results.csv")
    begun = time.monotonic()
    said = typed("work", str(loop), "--once", "--quiet", "0")
    say(
        work=[line.partition(": ")[2] for line in said.splitlines() if ": " in line],
        work_seconds=time.monotonic() - begun,
    )
    say(done="version 1" in said)


def main(target: str) -> None:
    """All of it."""
    rights()
    if target == "server":
        served()
    import peft
    import rdkit
    import rdkit.Chem.Draw
    import torch
    import transformers

    say(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__, rdkit=rdkit.__version__)
    worked()


if __name__ == "__main__":
    main(sys.argv[1])

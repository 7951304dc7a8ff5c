"""Makes the files beside it: a tiny model, adapters trained on it, and outputs of the adapted models.

Later releases must load them to the same numbers, so this is run once for each adapter, when it is new, from the root
of the repository: `python tests/adapters/golden/make.py NAME ...`
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parents[1])]

from fits import Fit, outputs  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from activeloop.adapters import attach  # noqa: E402
from activeloop.adapters.registry import ADAPTERS  # noqa: E402
from activeloop.foundation import ESM2  # noqa: E402
from tiny_models import tiny_esm  # noqa: E402

OPTIONS = {
    "dora": {"rank": 2, "last_layers": 1},
    "full": {"last_layers": 1},
    "ia3": {},
    "light-peft": {"rank": 4, "modules": 0.5},
    "lora": {"rank": 2, "target_modules": "attention", "layers_to_transform": [0]},
    "pissa": {"rank": 2, "target_modules": "query+value"},
    "rslora": {"rank": 2, "last_layers": 1},
}


def main(names: list[str]) -> None:
    base = FOLDER / "base"
    if not base.exists():
        tiny_esm(base, layers=2, width=8, heads=2)
    path = FOLDER / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        attached = attach(ADAPTERS[name](**OPTIONS[name]), ESM2(str(base)).load(), 0)
        Fit(attached, 10).run()
        rows = [[round(x, 6) for x in row] for row in outputs(attached.encoder).tolist()]
        save_file(attached.state(), FOLDER / f"{name}.safetensors")
        expected[name] = {"options": OPTIONS[name], "outputs": rows}
    path.write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

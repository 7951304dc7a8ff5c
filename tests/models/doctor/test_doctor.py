"""The doctor tells what works, and notices what does not."""

import json
from pathlib import Path

import pytest
import torch

from activeloop.cli import main
from activeloop.errors import FetchError
from activeloop.foundation import ESM2, foundation_of
from activeloop.models.doctor import model as checks
from activeloop.models.doctor.installation import CheckResult, check_installation, run_check
from activeloop.models.doctor.model import DiagnosedModel, check_model
from tiny_models import tiny_bert, tiny_chemberta, tiny_esm, tiny_t5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch):
    """Two adapters and one posterior are enough to see that all are checked."""
    adapters = {name: checks.ADAPTERS[name] for name in ("lora", "ia3", "frozen")}
    monkeypatch.setattr(checks, "ADAPTERS", adapters)
    monkeypatch.setattr(checks, "HEADS", {"laplace": checks.HEADS["laplace"]})


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def test_a_sound_model_passes_every_check(tiny: str, quick):
    results = {result.check: result for result in check_model(tiny)}
    assert {f.check for f in results.values() if f.verdict == "failed"} == set()
    assert {"loads", "licence", "tokens", "pooling", "padding", "masked-language head", "speed", "memory"} <= set(
        results
    )
    assert {"adapter lora", "adapter ia3", "head laplace"} <= set(results)
    assert "adapter frozen" not in results
    assert "3 layers of width 32" in results["loads"].found


@pytest.mark.parametrize(
    ("make", "family"), [(tiny_t5, "prott5"), (tiny_chemberta, "chemberta"), (tiny_bert, "protbert")]
)
def test_other_families_are_recognised_and_pass(make, family, tmp_path: Path, quick):
    source = make(tmp_path)
    assert foundation_of(source).family == family
    results = list(check_model(source))
    # tiny ones have no room for 256 tokens, and some no head
    assert [f.line() for f in results if f.verdict == "failed"] == []
    assert len(results) > 8


def test_without_a_head_zero_shot_is_off(tmp_path: Path, quick):
    results = {f.check: f for f in check_model(tiny_t5(tmp_path))}
    assert results["masked-language head"].verdict == "warning"
    assert "Zero-shot" in results["masked-language head"].fix


def test_a_model_that_sees_padding_fails(tiny: str):
    model = DiagnosedModel(ESM2(tiny), ESM2(tiny).load())
    assert checks._padding(model).verdict == "ok"
    run = type(model.encoder).run

    def blind(self, hidden, real, start=0, stop=None):
        return run(self, hidden, torch.ones_like(real), start, stop)

    model.encoder.run = blind.__get__(model.encoder)  # type: ignore[method-assign]
    assert checks._padding(model).verdict == "failed"


def test_a_wrong_vocabulary_fails(tmp_path: Path):
    source = Path(tiny_esm(tmp_path))
    model = DiagnosedModel(ESM2(str(source)), ESM2(str(source)).load())
    lines = (source / "vocab.txt").read_text().splitlines()
    lines[lines.index("K")] = "<K>"
    (source / "vocab.txt").write_text("\n".join(lines))
    other = tmp_path / "copy"
    other.mkdir()
    for file in ("config.json", "model.safetensors", "vocab.txt"):
        (other / file).write_bytes((source / file).read_bytes())
    damaged = DiagnosedModel(ESM2(str(other)), model.encoder)
    found = run_check("tokens", lambda: checks._tokens(damaged))
    assert found.verdict == "failed"
    assert "K" in found.fix


def test_an_unknown_architecture_names_the_known(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(FetchError, match="esmc"):
        foundation_of(str(tmp_path))
    (result,) = check_model(str(tmp_path))
    assert result.verdict == "failed"


def test_genes_are_no_residues(tmp_path: Path):
    from tiny_models import tiny_cells

    assert foundation_of(tiny_cells(tmp_path)).family == "geneformer"


def test_the_verb(tiny: str, quick, capsys):
    status, out, _ = typed(capsys, "doctor", "model", tiny)
    assert status == 0
    assert "ok       padding: " in out
    status, out, _ = typed(capsys, "doctor", "model", tiny, "--json")
    assert {f["check"] for f in json.loads(out)} >= {"loads", "tokens", "padding"}
    status, out, _ = typed(capsys, "doctor", "model", "/nowhere")
    assert status == 1
    assert out.startswith("failed   loads")
    status, _, err = typed(capsys, "doctor", "nonsense")
    assert status == 2
    assert "... doctor model ID" in err


def test_the_installation(capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("ACTIVELOOP_DATA", raising=False)
    results = {f.check: f for f in check_installation()}
    assert "torch" in results["extra models"].found
    assert results["cache"].verdict == "ok"
    assert typed(capsys, "doctor")[0] == 0
    monkeypatch.setenv("ACTIVELOOP_DATA", str(tmp_path / "gone"))
    status, out, _ = typed(capsys, "doctor")
    assert status == 1
    assert "gone" in out


def test_a_check_that_fails_gives_its_error():
    def broken() -> CheckResult:
        raise RuntimeError("no such layer")

    assert run_check("x", broken).line() == "failed   x: RuntimeError: no such layer -> Report it, with this output."

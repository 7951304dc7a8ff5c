"""The doctor tells what works, and notices what does not."""

import json
from pathlib import Path

import pytest
import torch

from activeloop.cli import main
from activeloop.errors import FetchError
from activeloop.foundation import ESM2, foundation_of
from activeloop.models.doctor import examine as encoder
from activeloop.models.doctor.examine import DiagnosedModel, examine_model
from activeloop.models.doctor.report import Finding, examine_installation, tried
from tiny_models import tiny_bert, tiny_chemberta, tiny_esm, tiny_t5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch):
    """Two adapters and one posterior are enough to see that all are asked."""
    adapters = {name: encoder.ADAPTERS[name] for name in ("lora", "ia3", "frozen")}
    monkeypatch.setattr(encoder, "ADAPTERS", adapters)
    monkeypatch.setattr(encoder, "HEADS", {"laplace": encoder.HEADS["laplace"]})


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_a_sound_model_passes_every_check(tiny: str, quick):
    findings = {finding.check: finding for finding in examine_model(tiny)}
    assert {f.check for f in findings.values() if f.verdict == "failed"} == set()
    assert {"loads", "licence", "tokens", "pooling", "padding", "masked-language head", "speed", "memory"} <= set(
        findings
    )
    assert {"adapter lora", "adapter ia3", "head laplace"} <= set(findings)
    assert "adapter frozen" not in findings
    assert "3 layers of width 32" in findings["loads"].found


@pytest.mark.parametrize(
    ("make", "family"), [(tiny_t5, "prott5"), (tiny_chemberta, "chemberta"), (tiny_bert, "protbert")]
)
def test_other_families_are_recognised_and_pass(make, family, tmp_path: Path, quick):
    source = make(tmp_path)
    assert foundation_of(source).family == family
    findings = list(examine_model(source))
    # tiny ones have no room for 256 tokens, and some no head
    assert [f.line() for f in findings if f.verdict == "failed"] == []
    assert len(findings) > 8


def test_without_a_head_zero_shot_is_off(tmp_path: Path, quick):
    findings = {f.check: f for f in examine_model(tiny_t5(tmp_path))}
    assert findings["masked-language head"].verdict == "warning"
    assert "Zero-shot" in findings["masked-language head"].fix


def test_a_model_that_sees_padding_fails(tiny: str):
    patient = DiagnosedModel(ESM2(tiny), ESM2(tiny).load())
    assert encoder._padding(patient).verdict == "ok"
    run = type(patient.encoder).run

    def blind(self, hidden, real, start=0, stop=None):
        return run(self, hidden, torch.ones_like(real), start, stop)

    patient.encoder.run = blind.__get__(patient.encoder)  # type: ignore[method-assign]
    assert encoder._padding(patient).verdict == "failed"


def test_a_wrong_vocabulary_fails(tmp_path: Path):
    source = Path(tiny_esm(tmp_path))
    patient = DiagnosedModel(ESM2(str(source)), ESM2(str(source)).load())
    lines = (source / "vocab.txt").read_text().splitlines()
    lines[lines.index("K")] = "<K>"
    (source / "vocab.txt").write_text("\n".join(lines))
    other = tmp_path / "copy"
    other.mkdir()
    for file in ("config.json", "model.safetensors", "vocab.txt"):
        (other / file).write_bytes((source / file).read_bytes())
    damaged = DiagnosedModel(ESM2(str(other)), patient.encoder)
    found = tried("tokens", lambda: encoder._tokens(damaged))
    assert found.verdict == "failed"
    assert "K" in found.fix


def test_an_unknown_architecture_names_the_known(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(FetchError, match="esmc"):
        foundation_of(str(tmp_path))
    (finding,) = examine_model(str(tmp_path))
    assert finding.verdict == "failed"


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
    assert "activeloop doctor model ID" in err


def test_the_installation(capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("ACTIVELOOP_DATA", raising=False)
    findings = {f.check: f for f in examine_installation()}
    assert "torch" in findings["extra models"].found
    assert findings["cache"].verdict == "ok"
    assert typed(capsys, "doctor")[0] == 0
    monkeypatch.setenv("ACTIVELOOP_DATA", str(tmp_path / "gone"))
    status, out, _ = typed(capsys, "doctor")
    assert status == 1
    assert "gone" in out


def test_what_cannot_be_tried_is_told():
    def broken() -> Finding:
        raise RuntimeError("no such layer")

    assert tried("x", broken).line() == "failed   x: RuntimeError: no such layer -> Report it, with this output."

"""An exported student predicts what the student predicts, and what is no student is refused."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from untrained import LIBRARY, PARENT, S, a_student, exported

from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError, StoreError
from activeloop.students.distil.bend import Bend
from activeloop.students.distil.export import OPSET, check_order, export, mutants, probes, rounded, store_int8
from activeloop.students.runtime.card import KEY
from activeloop.students.runtime.onnx import INPUT, OUTPUTS, OnnxRunner, Outline, new_session
from activeloop.students.runtime.student import Student

KINDS = [("conv", False), ("sites", False), ("classes", False), ("conv", True)]


def opened(tmp_path, content: bytes) -> Student:
    path = tmp_path / "s.onnx"
    path.write_bytes(content)
    return Student.open(path)


def without_checksum(content: bytes) -> bytes:
    """A file as former releases wrote it."""
    model = onnx.load_from_string(content)
    del model.metadata_props[1:]
    model.metadata_props[0].value = model.metadata_props[0].value.replace('"checksum":"sha256",', "")
    return model.SerializeToString()


def changed(content: bytes, change) -> bytes:
    model = onnx.load_from_string(without_checksum(content))
    change(model)
    return model.SerializeToString()


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}{' int8' * kind[1]}")
def kind(request) -> tuple[str, bool]:
    return request.param


def test_a_file_is_what_every_runtime_expects(kind):
    model = onnx.load_from_string(exported(*kind))
    onnx.checker.check_model(model, full_check=True)
    assert [(x.domain, x.version) for x in model.opset_import] == [("", OPSET)]
    assert [x.name for x in model.graph.input] == [INPUT]
    assert tuple(x.name for x in model.graph.output) == OUTPUTS
    sizes = [[d.dim_value or d.dim_param for d in x.type.tensor_type.shape.dim] for x in model.graph.output]
    outputs = 2 if kind[0] == "classes" else 1
    assert [size[1:] for size in sizes] == [[outputs], [outputs], [outputs], [S, outputs]]
    assert [x.key for x in model.metadata_props] == [KEY, "activeloop.sha256"]
    text = str(model)
    assert "activeloop/" not in text
    assert ".py" not in text


def test_an_opened_student_predicts_the_same(kind, tmp_path):
    student, again = a_student(kind[0]), opened(tmp_path, exported(*kind))
    assert again.card.to_json() == student.card.to_json()
    pool = LIBRARY if kind[0] != "conv" else Pool.single_mutants(PARENT)
    rows = np.arange(300)
    one, other = (x.predict(pool, rows, 5, draws=16) for x in (student, again))
    if kind[1]:
        assert (
            np.corrcoef(np.argsort(np.argsort(one.mean[:, 0])), np.argsort(np.argsort(other.mean[:, 0])))[0, 1] > 0.99
        )
        return
    for name in ("mean", "sd", "draws"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-4)


def test_the_graph_computes_mean_and_spread_as_the_student_does(kind, tmp_path):
    again = opened(tmp_path, exported(*kind))
    assert isinstance(again.runner, OnnxRunner)
    for tokens in probes(again.card.tokenizer, a_student(kind[0]).runner.examples, 3):
        mean, sd, location, deviations = again.runner.run(tokens)
        prediction = again.predict_tokens(tokens, 0, draws=0)
        np.testing.assert_allclose(prediction.mean, mean, atol=1e-5)
        np.testing.assert_allclose(prediction.sd, sd, atol=1e-5)
        assert deviations.shape == (len(tokens), S, location.shape[1])


def test_padding_and_neighbours_change_nothing(tmp_path):
    again = opened(tmp_path, exported("conv"))
    assert isinstance(again.runner, OnnxRunner)
    tokens = again.card.tokenizer.encode([PARENT[:9], PARENT, PARENT * 2])
    alone = [again.runner.run(again.card.tokenizer.encode([text]))[2] for text in (PARENT[:9], PARENT, PARENT * 2)]
    np.testing.assert_allclose(again.runner.run(tokens)[2], np.concatenate(alone), atol=1e-4)
    many = np.tile(tokens, (200, 1))
    np.testing.assert_allclose(again.runner.run(many)[2][-3:], np.concatenate(alone), atol=1e-4)
    assert [len(x) for x in again.runner.run(tokens[:0])] == [0, 0, 0, 0]


def test_weights_of_8_bits_are_small():
    large, small = exported("conv"), exported("conv", True)
    kinds = {x.data_type for x in onnx.load_from_string(small).graph.initializer if np.prod(x.dims) > 100}
    assert kinds == {TensorProto.INT8}
    assert len(small) < 0.6 * len(large)  # a network of so few numbers is half graph


def test_what_was_not_rounded_is_not_stored_as_int8():
    values = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    weights = onnx.numpy_helper.from_array(values, "w")
    model = helper.make_model(helper.make_graph([], "g", [], [], [weights]))
    store_int8(model)
    assert [x.data_type for x in model.graph.initializer] == [TensorProto.FLOAT]


def test_the_same_student_gives_the_same_bytes():
    from activeloop.students.distil.export import as_bytes

    assert as_bytes(a_student("sites")) == exported("sites")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "s.onnx"
    path.write_bytes(b"older")
    monkeypatch.setattr("activeloop.students.distil.export.as_bytes", lambda student, int8: exported("sites"))
    assert export(a_student("sites"), path) == path
    assert path.read_bytes() == exported("sites")
    assert [p.name for p in tmp_path.iterdir()] == ["s.onnx"]
    with pytest.raises(StoreError, match="cannot be written"):
        export(a_student("sites"), tmp_path / "nowhere" / "s.onnx")


def test_a_graph_that_deviates_is_refused(tmp_path, monkeypatch):
    wrong = copy.deepcopy(onnx.load_from_string(exported("sites")))
    largest = max(wrong.graph.initializer, key=lambda x: len(x.raw_data))
    values = np.frombuffer(largest.raw_data, np.float32) * 1.02
    largest.raw_data = values.astype(np.float32).tobytes()
    monkeypatch.setattr("activeloop.students.distil.export.to_onnx", lambda module, tokens: wrong)
    with pytest.raises(ModelError, match=r"deviates in mean .* Nothing was written"):
        export(a_student("sites"), tmp_path / "s.onnx")
    assert not list(tmp_path.iterdir())


def test_8_bits_that_change_the_order_are_refused():
    student = a_student("sites")
    module = student.runner.module
    coarse = rounded(module)
    tokens = mutants(student.card.tokenizer, student.runner.examples, 256, np.random.default_rng(0))
    check_order(coarse, module, tokens)
    for weights in coarse.network.parameters():
        weights.data = (weights * 2).round() / 2
    with pytest.raises(ModelError, match=r"orders candidates otherwise .* Export it without int8"):
        check_order(coarse, module, tokens)


def test_only_what_was_trained_here_is_exported(tmp_path):
    student = a_student("sites")
    with pytest.raises(ModelError, match="copy that"):
        export(opened(tmp_path, exported("sites")), tmp_path / "other.onnx")
    two = replace(student, card=replace(student.card, classes=("a", "b"), noise=(0.0, 0.0)))
    with pytest.raises(ModelError, match="not that of its network"):
        export(two, tmp_path / "other.onnx")
    assert not (tmp_path / "other.onnx").exists()


def without_card(model):
    del model.metadata_props[:]


def later(model):
    model.metadata_props[0].value = model.metadata_props[0].value.replace('"format":1', '"format":9')


def larger_alphabet(model):
    model.metadata_props[0].value = model.metadata_props[0].value.replace('VWY"', 'VWYabcdef"')


def two_assays(model):
    text = model.metadata_props[0].value
    assay = text[text.index('"assays":[') + 10 : text.index("]", text.index('"assays":['))]
    model.metadata_props[0].value = text.replace(assay, f"{assay},{assay}").replace("[0.5]", "[0.5,0.5]")


def infinite(model):
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.raw_data) > 100:
            tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.inf, np.float32).tobytes()


def renamed(model):
    model.graph.output[0].name = "average"
    for node in model.graph.node:
        node.output[:] = ["average" if x == "mean" else x for x in node.output]
        node.input[:] = ["average" if x == "mean" else x for x in node.input]


def card_with(**fields):
    def change(model):
        model.metadata_props[0].value = json.dumps(json.loads(model.metadata_props[0].value) | fields)

    return change


def other_alphabet(model):
    card = json.loads(model.metadata_props[0].value)
    card["reading"]["letters"] = card["reading"]["letters"][::-1]
    model.metadata_props[0].value = json.dumps(card)


def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["trips", "go"], [], body=body))


def very_large(model):
    shape = onnx.numpy_helper.from_array(np.array([10**6, 10**6]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["huge"]))


def with_functions(model):
    model.functions.add().name = "f"


def unknown_operator(model):
    model.graph.node[0].op_type = "Telepathy"


def elsewhere(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"


def elsewhere_in_a_node(model):
    tensor = TensorProto(name="t", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "b", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], [], then_branch=branch, else_branch=branch))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_card, "no student of ActiveLoop"),
        (later, "has format 9"),
        (larger_alphabet, "does not take the tokens of its card"),
        (two_assays, "does not predict the 2 outputs"),
        (infinite, "predicts infinite values"),
        (renamed, "has not the inputs and outputs"),
        (unknown_operator, "onnxruntime cannot load this student"),
        (elsewhere, "stores weights in other files"),
        (elsewhere_in_a_node, "stores weights in other files"),
        (card_with(noise=[float("nan")]), "noise"),
        (card_with(noise=[-1.0]), "a noise that is no number of 0 or more"),
        (other_alphabet, "an alphabet that is not in order"),
        (loop, r"has a loop or branch \(Loop\)"),
        (very_large, r"makes very many numbers of few \(ConstantOfShape\)"),
        (with_functions, "has functions of its own"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_files_that_are_no_sound_student_are_refused(change, message, tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path}/s\.onnx: .*{message}"):
        opened(tmp_path, changed(exported("sites"), change))


@pytest.mark.parametrize("content", [b"", b"mutant\nA24G\n", b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04", b"\xff" * 100])
def test_files_that_are_no_onnx_are_refused(content, tmp_path):
    with pytest.raises(InputError, match="is no ONNX file"):
        opened(tmp_path, content)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content = exported("sites")
    for end in np.linspace(1, len(content) - 1, 40).astype(int):
        with pytest.raises(InputError, match=r"s\.onnx: "):
            opened(tmp_path, content[:end])


def test_every_altered_byte_is_noticed(tmp_path):
    content, path = exported("sites"), tmp_path / "s.onnx"
    rng = np.random.default_rng(0)
    ends = range(len(content) - 90, len(content))
    for at in [0, *rng.integers(0, len(content), 60).tolist(), *ends]:
        altered = bytearray(content)
        altered[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        with pytest.raises(InputError, match=r"s\.onnx: this student was altered|is no ONNX file"):
            Student.open(path)
    for other in (content + b"\0", content[:-87], content[:-1], content + content[-87:]):
        path.write_bytes(other)
        with pytest.raises(InputError, match=r"s\.onnx: this student was altered|is no ONNX file"):
            Student.open(path)


@pytest.mark.parametrize("change", [card_with(noise=[0.7]), other_alphabet, card_with(seed=8)])
def test_an_altered_card_is_noticed(change, tmp_path):
    model = onnx.load_from_string(exported("sites"))
    change(model)
    with pytest.raises(InputError, match="altered or damaged since it was exported"):
        opened(tmp_path, model.SerializeToString())


def test_a_student_of_before_loads_with_a_note(tmp_path):
    old, now = opened(tmp_path, without_checksum(exported("sites"))), opened(tmp_path, exported("sites"))
    assert "carries no checksum" in old.explain()
    assert "checksum" not in now.explain()
    rows = np.arange(50)
    np.testing.assert_array_equal(old.mean(LIBRARY, rows), now.mean(LIBRARY, rows))


def test_a_file_that_is_no_student_by_its_size_is_not_read(tmp_path):
    with (tmp_path / "s.onnx").open("wb") as file:
        file.truncate(2**29 + 1)
    with pytest.raises(InputError, match=r"it has 536,870,913 bytes, .* it was not read"):
        Student.open(tmp_path / "s.onnx")


FAR = {"candidates": 100.0, "spearman": 0.97, "rmse": 0.56, "top_bias": 0.1}


def test_a_student_far_from_its_teacher_is_exported_by_force_alone(tmp_path):
    student = a_student("sites")
    far = replace(student, card=replace(student.card, fidelity=FAR))
    with pytest.raises(ModelError, match=r"off by 0.56 standard deviations .* force=True\. Nothing was written"):
        export(far, tmp_path / "s.onnx")
    assert not list(tmp_path.iterdir())
    again = Student.open(export(far, tmp_path / "s.onnx", force=True))
    assert "Use its ranks only, do not read its values" in again.explain()


def test_a_bent_and_bounded_student_predicts_the_same(tmp_path):
    student = copy.deepcopy(a_student("sites"))
    values = np.exp(np.random.default_rng(0).standard_normal(500))
    bend = Bend.of([(values - values.mean()) / values.std()], [0.5], [0.0])
    module = student.runner.module
    module.take(bend, torch.tensor([[-1.0], [0.5]]))
    module.bounded = True
    module.bounds.copy_(torch.tensor([[1.0], [3.0]]))
    assay = replace(student.card.assays[0], goal="maximise", bounds=(1.0, 3.0))
    student = replace(student, card=replace(student.card, assays=(assay,)))
    again = Student.open(export(student, tmp_path / "s.onnx"))
    rows = np.arange(400)
    one, other = (x.predict(LIBRARY, rows, 5, draws=16) for x in (student, again))
    for name in ("mean", "sd", "draws"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-4, atol=1e-4)
    assert one.mean.min() >= 1
    assert one.mean.max() <= 3
    assert (one.draws.min(), one.draws.max()) == (1.0, 3.0)
    assert np.isfinite(other.sd).all()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.onnx: there is no such file"):
        Student.open(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match="cannot be read"):
        Student.open(tmp_path)


def test_the_outline_agrees_with_onnx():
    outline = Outline.of(exported("conv", True), "f")
    model = onnx.load_from_string(exported("conv", True))
    assert outline == Outline({x.key: x.value for x in model.metadata_props}, external=False)


def test_a_session_on_two_threads():
    runner = OnnxRunner(new_session(exported("sites"), 2))
    location, deviations = runner(np.full((5, 4), 3))
    assert (location.shape, deviations.shape) == ((5, 1), (5, S, 1))

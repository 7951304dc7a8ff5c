"""Distillation: a planted teacher is learned, with its uncertainty, and nothing that was excluded is used."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from teachers import LIBRARY, SINGLES, Additive

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, ModelError
from activeloop.foundation import ESM2
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.assay import Goal
from activeloop.metrics import spearman
from activeloop.models import FineTuner, HeadLearner, MLPEnsemble, MutationGP, TanimotoGP, TrainingConfig
from activeloop.prediction import PredictionTable
from activeloop.students import (
    ConvNet,
    Distiller,
    FirstLayers,
    SiteNetwork,
    SmallTransformer,
    Student,
    Transfer,
    export,
)

FEW = Transfer(size=600, rounds=1, mutants=300)
QUICK = Distiller(SiteNetwork((16, 16)), steps=150, deviations=8, transfer=FEW)
CONVOLUTIONS = replace(QUICK, network=ConvNet(width=16, blocks=2), steps=120)


def measured(teacher: Additive, pool: Pool, count: int, goal: Goal = "maximise") -> Dataset:
    rows = np.random.default_rng(1).choice(len(pool), count, replace=False)
    values = teacher.predict(pool, rows, 0, draws=0).mean[:, -1]
    return Dataset.of(pool, rows, (values > 0.5).astype(float) if goal == "classify" else values, Assay("y", goal=goal))


@pytest.mark.parametrize("pool", [SINGLES, LIBRARY], ids=["singles", "library"])
@pytest.mark.parametrize("distiller", [QUICK, CONVOLUTIONS], ids=["sites", "convolutions"])
def test_an_additive_teacher_is_learned(distiller: Distiller, pool: Pool):
    student = distiller.distil(Additive(), pool, 0)
    assert student.card.fidelity["spearman"] > 0.97
    assert student.card.fidelity["candidates"] >= 28


@pytest.mark.parametrize(
    "assay", [Assay("y", scale="linear", bounds=(0, 1)), Assay("KD", "nM", "minimise", scale="log")], ids=str
)
def test_values_are_those_of_the_teacher_on_its_scale_and_within_bounds(assay: Assay, tmp_path):
    rng = np.random.default_rng(0)
    effects, codes = rng.standard_normal((18, 26)), SINGLES.codes()
    sums = effects[np.arange(codes.shape[1]), codes].sum(1)
    sums -= sums.mean()
    values = 1 / (1 + np.exp(-3 * sums)) if assay.bounds else np.exp(sums)
    rows = rng.choice(len(SINGLES), 120, replace=False)
    data = Dataset.of(SINGLES, rows, values[rows], assay)
    teacher = MutationGP().fit(data.oriented(), 0)
    trained = Distiller(SiteNetwork((16, 16)), deviations=8, steps=300).distil(teacher, data, 0)
    figures = trained.card.fidelity
    assert figures["rmse"] <= 0.2
    assert abs(figures["best_bias"]) <= 0.25
    assert 0.7 <= figures["sd_ratio"] <= 1.4
    assert abs(figures["coverage"] - figures["teacher_coverage"]) <= 0.05
    assert figures["wild_type_bias"] <= 0.3
    student, every = Student.open(export(trained, tmp_path / "s.onnx")), np.arange(len(SINGLES))
    assert student.card.log == ((True,) if assay.scale == "log" else (False,))
    goal, own = (one.predict(SINGLES, every, 0, draws=20) for one in (teacher, student))
    for one, other in zip(own.interval(0.9), goal.interval(0.9), strict=True):
        apart = np.log(one / other) if assay.scale == "log" else one - other
        assert np.abs(apart).mean() < 0.15
    np.testing.assert_allclose(student.mean(SINGLES, every), own.mean)
    low, high = (0, 1) if assay.bounds else (-np.inf, 0)
    for array in (own.mean, own.draws, *own.interval(0.9)):
        assert low <= array.min() <= array.max() <= high


def test_a_training_that_diverges_is_said():
    with pytest.raises(ModelError, match=r"diverged at the learning rate 1e\+10.* smaller .rate"):
        replace(QUICK, steps=3, rate=1e10).distil(Additive(), SINGLES, 0)


def test_a_transformer_learns():
    network = SmallTransformer(layers=1, width=16, heads=2)
    student = replace(QUICK, network=network, steps=80).distil(Additive(), SINGLES, 0)
    assert student.card.fidelity["spearman"] > 0.95


def test_epistasis_is_learned():
    teacher = Additive(pairs=1.0)
    rows = np.random.default_rng(0).choice(len(LIBRARY), 400, replace=False)
    settings = replace(QUICK, steps=600, rate=1e-2, transfer=Transfer(size=900, rounds=0))
    student = settings.distil(teacher, LIBRARY, 0, exclude=rows)
    goal, plain = (t.predict(LIBRARY, rows, 0, draws=0).mean[:, 0] for t in (teacher, Additive()))
    assert spearman(student.mean(LIBRARY, rows)[:, 0], goal) > max(0.95, spearman(plain, goal) + 0.1)


def test_standard_deviations_and_covariances_are_learned():
    teacher, rows = Additive(unsure=0.5), np.arange(100)
    student = replace(QUICK, steps=300).distil(teacher, SINGLES, 0)
    draws = [p.predict(SINGLES, rows, 3, draws=4000).draws[:, :, 0] for p in (teacher, student)]
    sure = student.predict(SINGLES, rows, 0, draws=0).sd[:, 0]
    assert np.isclose(np.square(sure).mean(), np.square(teacher.predict(SINGLES, rows, 0, draws=0).sd).mean(), rtol=0.3)
    assert spearman(sure, teacher.predict(SINGLES, rows, 0, draws=0).sd[:, 0]) > 0.8
    # the teacher's draws of seed 0 are the targets
    target = np.cov(teacher.predict(SINGLES, rows, 0, draws=4000).draws[:, :, 0].T)
    found = np.cov(draws[1].T)
    assert np.corrcoef(target.ravel(), found.ravel())[0, 1] > 0.9


def test_several_assays():
    teacher = Additive(outputs=2)
    student = QUICK.distil(teacher, SINGLES, 0)
    prediction = student.predict(SINGLES, np.arange(50), 0, draws=5)
    assert prediction.draws.shape == (5, 50, 2)
    goal = teacher.predict(SINGLES, np.arange(50), 0, draws=0).mean
    assert min(spearman(prediction.mean[:, a], goal[:, a]) for a in range(2)) > 0.95
    assert [a.name for a in student.card.assays] == ["value 1", "value 2"]


def test_classes():
    teacher = Additive(classes=True)
    student = QUICK.distil(teacher, measured(teacher, SINGLES, 60, "classify"), 0)
    card = student.card
    assert card.classes == ("unfit", "fit")
    assert card.fidelity["auroc"] > 0.95
    assert card.fidelity["kl"] < 0.05
    probabilities = student.predict(SINGLES, np.arange(9), 0, draws=4)
    assert np.allclose(probabilities.mean.sum(1), 1, atol=1e-5)
    assert np.allclose(probabilities.draws.sum(2), 1, atol=1e-5)


def test_less_is_better_is_turned():
    teacher = Additive()
    rows = np.arange(60)
    falling = Dataset.of(SINGLES, rows, -teacher.predict(SINGLES, rows, 0, 0).mean[:, 0], Assay("y", goal="minimise"))
    student = replace(QUICK, alpha=0.5).distil(teacher, falling, 0)
    assert student.card.fidelity["spearman"] > 0.95
    assert student.card.assays == falling.assays
    assert student.card.data_hash == falling.hash


@pytest.mark.parametrize("learner", [MutationGP(), MLPEnsemble(members=4)], ids=["process", "ensemble"])
def test_a_fitted_teacher(learner):
    dataset = measured(Additive(), SINGLES, 60)
    teacher = learner.fit(dataset, 0)
    student = QUICK.distil(teacher, dataset, 0)
    assert student.card.fidelity["spearman"] > 0.9
    assert student.card.data_hash == dataset.hash
    assert student.card.noise == tuple(map(float, teacher.predict(SINGLES, np.arange(3), 0, 0).noise))


def test_compounds():
    pool = Pool.of([_compound(f"C{'C' * i}{t}") for i in range(20) for t in ("O", "N", "Cl", "C(=O)O")])
    dataset = Dataset.of(pool, np.arange(0, 80, 2), np.arange(0.0, 40.0))
    student = replace(CONVOLUTIONS, steps=60).distil(TanimotoGP().fit(dataset, 0), dataset, 0)
    assert student.predict(pool, np.arange(80), 0).mean.shape == (80, 1)


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_a_student_of_two_values_stays_between_them_as_its_teacher_does(goal, tmp_path):
    pool = Pool.of([_compound(f"C{'C' * i}{t}") for i in range(20) for t in ("O", "N", "Cl", "C(=O)O")])
    hit = np.array([name.endswith("O)O") for name in pool.names(np.arange(80))], np.float64)
    dataset = Dataset.of(pool, np.arange(0, 80, 3), hit[::3], Assay("active", goal=goal))
    teacher = TanimotoGP().fit(dataset.oriented(), 0)
    trained = replace(CONVOLUTIONS, steps=60).distil(teacher, dataset, 0)
    student, every = Student.open(export(trained, tmp_path / "s.onnx", force=True)), np.arange(80)
    assert student.card.assays == (Assay("active", goal=goal, scale="binary"),)
    for one in (teacher, trained, student):
        table = PredictionTable.of(one.predict(pool, every, 0, draws=4), pool.names(every), dataset.assays, 0)
        assert table.column_names[2:4] == ["active probability low", "active probability high"]
        assert (table.low >= 0).all()
        assert ((table.low <= table.mean) & (table.mean <= table.high)).all()
        assert (table.high <= 1).all()
        assert ((table.draws >= 0) & (table.draws <= 1)).all()
        assert 0 < (table.high - table.low).mean() < 0.98, "of the probability, not of one measurement"


def _compound(smiles: str):
    from activeloop.candidates import Compound

    return Compound(smiles)


def test_the_same_seed_the_same_student():
    before = torch.random.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    quick = replace(QUICK, steps=20)
    one, same, other = (quick.distil(Additive(), SINGLES, seed) for seed in (0, 0, 1))
    rows = np.arange(30)
    assert np.array_equal(one.mean(SINGLES, rows), same.mean(SINGLES, rows))
    assert not np.array_equal(one.mean(SINGLES, rows), other.mean(SINGLES, rows))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == str(np.random.get_state())  # noqa: NPY002


def test_training_goes_on_from_an_earlier_student():
    quick = replace(QUICK, steps=100)
    first = quick.distil(Additive(), SINGLES, 0)
    again = replace(quick, steps=1).distil(Additive(), SINGLES, 1, start=first)
    rows = np.arange(100)
    assert spearman(first.mean(SINGLES, rows)[:, 0], again.mean(SINGLES, rows)[:, 0]) > 0.95
    with pytest.raises(ModelError, match="another network"):
        CONVOLUTIONS.distil(Additive(), SINGLES, 0, start=first)


def test_progress_is_reported_and_can_end_it():
    steps: list[tuple[int, int]] = []
    quick = replace(QUICK, steps=10)
    quick.distil(Additive(), SINGLES, 0, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(i, 10) for i in range(1, 11)]

    def enough(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick.distil(Additive(), SINGLES, 0, progress=enough)


def test_labels_alone():
    dataset = measured(Additive(), LIBRARY, 150)
    student = replace(QUICK, steps=200).train_on_labels(dataset, 0)
    rows = np.setdiff1d(np.arange(len(LIBRARY)), dataset.rows)
    assert spearman(student.mean(LIBRARY, rows)[:, 0], Additive().predict(LIBRARY, rows, 0, 0).mean[:, 0]) > 0.7
    assert (student.predict(LIBRARY, rows, 0, draws=0).sd == 0).all()
    with pytest.raises(ModelError, match="nothing was measured"):
        QUICK.train_on_labels(dataset.take(np.zeros(0, np.int64)), 0)


def test_first_layers_and_hidden_states(tiny: str):
    dataset = measured(Additive(), SINGLES, 40)
    tuned = FineTuner(ESM2(tiny), plan=TrainingConfig(epochs=1)).fit(dataset, 0)
    few = replace(QUICK, network=FirstLayers(1), steps=15, matching=0.1, transfer=replace(FEW, mutants=0))
    student = few.distil(tuned, dataset, 0)
    assert student.card.network == f"first layer of {ESM2(tiny).name}"
    assert student.card.licence == f"{ESM2(tiny).name}: not known"
    with pytest.raises(ModelError, match="fine-tuned"):
        few.distil(Additive(), dataset, 0)


def test_hidden_states_of_an_encoder():
    dataset = measured(Additive(), SINGLES, 40)
    quick = replace(QUICK, steps=5, matching=1.0)
    plain, matched = (replace(quick, matching=w).distil(HeadLearner().fit(dataset, 0), dataset, 0) for w in (0.0, 1.0))
    rows = np.arange(9)
    assert not np.array_equal(plain.mean(SINGLES, rows), matched.mean(SINGLES, rows))
    with pytest.raises(ModelError, match="no hidden states"):
        quick.distil(Additive(), dataset, 0)


def test_nothing_to_train_on():
    with pytest.raises(ModelError, match="no candidate is left"):
        QUICK.distil(Additive(), LIBRARY, 0, exclude=np.arange(len(LIBRARY)))
    with pytest.raises(ConfigError, match="Nothing was trained"):
        Distiller(SiteNetwork(), alpha=2.0)

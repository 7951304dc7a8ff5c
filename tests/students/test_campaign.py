"""Students of a campaign's versions: searched, distilled from what is inside the teacher, opened from bytes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from activeloop.campaigns import Version
from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError
from activeloop.foundation import ESM2
from activeloop.measurements import Assay, Dataset
from activeloop.models import GPHead, MutationGP
from activeloop.models.calibration import calibrated
from activeloop.models.embedding import HeadLearner
from activeloop.students.campaign import CampaignDistillation, open_student, teacher_parameters
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import ConvNet, FirstLayers

POOL = Pool.single_mutants("MKTAYI")
DATA = Dataset.of(POOL, np.arange(30), np.sin(np.arange(30.0)), Assay("KD", "nM", "minimise"))
VERSION = Version(3, 2, DATA.hash, "mutations", 0, "0", {}, "2026-01-01T00:00:00.000+00:00", "")
QUICK = Distiller(ConvNet(width=8, blocks=1), steps=2, minibatch=16, deviations=2)


@pytest.fixture(scope="module")
def teacher():
    return MutationGP().fit(DATA.oriented(), 0)


def test_the_smallest_that_is_faithful_enough_is_taken_and_its_search_explained(teacher):
    networks = (ConvNet(width=12, blocks=1), ConvNet(width=8, blocks=1))
    steps = []
    how = CampaignDistillation(QUICK, fidelity=1e-9, networks=networks)
    trained = how.train(teacher, DATA, VERSION, 0, lambda done, total: steps.append((done, total)))
    student = open_student(trained.content)
    assert trained.explanation.startswith("Tried convolutional, 8 wide")
    assert student.card.network == trained.network
    assert student.card.parameters == trained.parameters
    assert (student.card.teacher, student.card.teacher_version) == ("mutations", 3)
    assert student.card.data_hash == DATA.hash
    assert student.card.assays == DATA.assays  # less is better in it, and the card has it
    assert trained.teacher_parameters == 0
    assert steps[-1] == (2, 2)
    prediction = student.predict(POOL, np.arange(9), 0, draws=5)
    assert prediction.draws.shape == (5, 9, 1)


def test_damaged_bytes_are_said():
    with pytest.raises(InputError, match=r"student\.onnx"):
        open_student(b"no student")


def test_numbers_of_the_pretrained_model_within_a_corrected_teacher(teacher, tiny):
    assert teacher_parameters(teacher) == 0
    learner = calibrated(HeadLearner(ESM2(tiny), GPHead()), "isotonic", "")
    found = teacher_parameters(learner.fit(DATA.oriented(), 0))

    assert found == sum(p.numel() for p in ESM2(tiny).frozen_encoder().parameters()) > 0


def test_first_layers_are_found_within_a_corrected_teacher_and_missed_in_others(teacher, tiny):
    from activeloop.models.registry import fine_tuned
    from activeloop.students.runtime.tokenizer import StudentTokenizer

    learner = calibrated(fine_tuned(model=tiny, last_layers=1, epochs=1, members=2, prior=False), "isotonic", "")
    corrected = learner.fit(DATA.oriented(), 0)
    network = FirstLayers(1).of(corrected, StudentTokenizer.of(POOL))
    assert network.source == ESM2(tiny)
    with pytest.raises(ModelError, match="no layers that a student could begin with"):
        CampaignDistillation(Distiller(FirstLayers())).train(teacher, DATA, VERSION, 0)

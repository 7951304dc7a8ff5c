"""A fine-tuned teacher and its graph say the same."""

import numpy as np
import pytest
from untaught import LIBRARY, SINGLES

from activeloop.adapters import LoRA
from activeloop.backbones import ESM2, Blosum
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.finetuning.tuner import FineTuner
from activeloop.models.heads.laplace import LastLayer
from activeloop.students.onnx_runner import INPUT, session_of
from activeloop.students.reading import Reading
from activeloop.students.teacher_export import OUTPUT, teacher_as_bytes


def taught(tiny, pool, **other):
    rows = np.arange(0, len(pool), len(pool) // 12)[:12]
    values = np.random.default_rng(0).standard_normal(len(rows))
    learner = FineTuner(ESM2(tiny), LoRA(last=1, rank=2), draws=LastLayer(), **other)
    return learner.fit(Dataset.of(pool, rows, values), 0)


@pytest.mark.parametrize("pool", [SINGLES, LIBRARY], ids=["mutated", "sites"])
def test_the_graph_says_what_the_teacher_says(tiny, pool):
    teacher = taught(tiny, pool)
    session = session_of(teacher_as_bytes(teacher, pool), 1)
    rows = np.arange(20, 60)
    (mean,) = session.run([OUTPUT], {INPUT: Reading.of(pool, whole=True).tokens(pool, rows)})
    wanted = teacher.mean(pool, rows)
    # the teacher may compute in half precision
    np.testing.assert_allclose(mean, wanted, atol=0.1 * wanted.std())


def test_first_guesses_are_no_part_of_it(tiny):
    teacher = taught(tiny, SINGLES, prior_score=Blosum())
    with pytest.raises(ModelError, match=r"without first guesses .* Nothing was written"):
        teacher_as_bytes(teacher, SINGLES)

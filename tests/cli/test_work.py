"""`activeloop work`: places that are none are refused in words; a store is done to its end."""

from __future__ import annotations

import pytest

from activeloop.campaigns import Fitted
from activeloop.config import Store, open_folder
from activeloop.measurements import Measurement

CONFIG = '[pool]\nwild_type = "MKTAYIAKQR"\nsingles = true\n[[assays]]\nname = "kcat"\n[learner]\nname = "mutation-gp"'


def test_a_store_is_done_to_its_end(run, tmp_path):
    store = Store.open(tmp_path / "lab")
    key = store.create("kinase", CONFIG)
    campaign = open_folder(store.folder(key)).campaign
    campaign.record([Measurement(n, "kcat", float(i)) for i, n in enumerate(campaign.pool.names(range(9)))], "1.csv")
    status, out, _ = run("work", "lab", "--once", "--quiet", 0)
    assert (status, "fit: version 1." in out, "Done: 1 piece of work." in out) == (0, True, True)
    assert sum(isinstance(r.event, Fitted) for r in store.folder(key).log) == 1
    assert "Done: 0 pieces" in run("work", "lab", "--once")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere is not a folder"),
        (("mysql://db",), '"mysql://" is no address of campaigns'),
        (("postgresql://db/lab",), "say where its models and files are kept"),
        (("nowhere", "--quiet", -1), "--quiet must not be below 0"),
        (("nowhere", "--runner", "slurm"), '--runner "slurm": choose process or kubernetes'),
        (("nowhere", "--only", "fits"), '--only "fits": a worker with --runner process does fit, distil, robot.'),
        (
            ("postgresql://db/lab", "--runner", "kubernetes", "--only", "fit,robot"),
            '--only "robot": a worker with --runner kubernetes does fit, distil.',
        ),
        (("nowhere", "--runner", "kubernetes"), "one store, on a server that Jobs reach, too"),
        (("postgresql://db/lab", "--runner", "kubernetes"), "needs --jobs DIR"),
        (("postgresql://db/lab", "--runner", "kubernetes", "--jobs", "nowhere"), "nowhere holds no Jobs"),
    ],
)
def test_what_is_no_place_is_refused(run, arguments, message):
    status, _, err = run("work", *arguments)
    assert status == 2
    assert message in " ".join(err.split())

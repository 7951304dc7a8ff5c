"""The pages of the cluster and of a graphics card say what was measured, also when it was not as demanded."""

from benchmarks.cluster import Run, cluster_result, library
from benchmarks.gpu import gpu_result

FIT = {"steps": 12, "killed_at": 5, "steps_after": 7, "loss": 1e-6, "mean": 2e-5, "sd": 3e-5, "refused": ""}
CUT = "worker 2 was cut off after 4 s"


def runs(digest="a", refused=""):
    return [
        Run("one process", 0, "a", 10.0, 10.0),
        Run("1 worker", 1, "a", 11.0, 10.5, 4, {"1": 4}),
        Run("3 workers", 3, "a", 5.0, 11.0, 4, {"1": 4}),
        Run(
            "3 workers, failures",
            3,
            digest,
            8.0,
            12.0,
            4,
            {"1": 2, "2": 2},
            ["worker 2 was cut off after 4 s"],
            refused,
        ),
    ]


def test_the_page_of_the_cluster():
    page = "\n".join([(found := cluster_result(10**7, runs(), FIT)).how, *found.sections])
    assert "All of them found the same bits" in page
    assert "took 5.0% more CPU time" in page
    assert CUT in page
    assert "begun twice: 2 of 4" in page
    other = cluster_result(10**7, runs("b", "Operation not permitted"), FIT)
    assert "THEY DID NOT FIND THE SAME BITS" in other.how
    assert "Namespaces were refused (Operation not permitted)" in other.how


def test_the_library_has_so_many():
    assert len(library(10**7)) == 10**7


def test_the_page_of_a_card_says_when_there_was_none():
    row = ("8M", 56, 16, "full fine-tuning", 1000, "100", "90", "110", 10, "")
    found = gpu_result([row, ("8M", 56, 16, "LoRA, last layer", 10, "10", "9", "11", 10, "")], card=False)
    assert "there was no graphics card" in found.how
    assert "| LoRA, last layer, 56 residues | 10 | 10 | 10.0 |" in found.sections[0]

"""Guides as CRISPOR, DeepHF and an order of oligos list them: the sequence is found, ids and primers come along."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.config import open_campaign
from activeloop.errors import InputError
from activeloop.measurements import Assay, read_history
from activeloop.models.gp.sister_guides import SisterGuideGP

CRISPOR = """#seqId\tguideId\ttargetSeq\tmitSpecScore\tofftargetCount\ttargetGenomeGeneLocus\tDoench '16-Score
EMX1\t27forw\tGAGTCCGAGCAGAAGAAGAAGGG\t61\t239\texon:EMX1\t62
EMX1\t33rev\tCCCTTCTTCTTCTGCTCGGACTC\t50\t300\texon:EMX1\t40
EMX1\t45forw\tGTCACCTCCAATGACTAGGGTGG\t88\t87\tintron:EMX1\t55
"""
DEEPHF = """Identifier_sgRNA,21mer,Wt_Efficiency,eSpCas 9_Efficiency,SpCas9-HF1_Efficiency
CTRL0001,AAAAAAAAACTCCAAAACCCT,0.11,0.2,0.0931
CTRL0002,AAAAAACAACAAGAAGCACAA,0.5,0.3,0.0649
CTRL0003,ACAAAACAACAAGAAGCACAA,0.6,0.35,0.0949
"""
ORDER = """guideId,targetSeq,PAM,forwardPrimer,reversePrimer,Doench '16-Score
27forw,GAGTCCGAGCAGAAGAAGAA,GGG,CACCGAGTCCGAGCAGAAGAAGAA,AAACTTCTTCTTCTGCTCGGACTC,62
33rev,CCTTCTTCTTCTGCTCGGAC,TCG,CACCGCCTTCTTCTTCTGCTCGGAC,AAACGTCCGAGCAGAAGAAGAAGGC,40
45forw,GTCACCTCCAATGACTAGGG,TGG,CACCGTCACCTCCAATGACTAGGG,AAACCCCTAGTCATTGGAGGTGAC,55
"""


@pytest.mark.parametrize(
    ("name", "text", "guide", "one", "also"),
    [
        ("crispor.tsv", CRISPOR, "GAGTCCGAGCAGAAGAAGAAGGG", "27forw", {"targetGenomeGeneLocus": "exon:EMX1"}),
        ("deephf.csv", DEEPHF, "AAAAAAAAACTCCAAAACCCT", "CTRL0001", {"Wt_Efficiency": "0.11"}),
        (
            *("order.csv", ORDER, "GAGTCCGAGCAGAAGAAGAA", "27forw"),
            {"forwardPrimer": "CACCGAGTCCGAGCAGAAGAAGAA", "reversePrimer": "AAACTTCTTCTTCTGCTCGGACTC", "PAM": "GGG"},
        ),
    ],
    ids=["CRISPOR", "DeepHF", "an order with primers"],
)
def test_ids_and_primers_come_along(tmp_path, name, text, guide, one, also):
    (tmp_path / name).write_text(text, encoding="utf-8")
    new(tmp_path / "c", ["indel:%"], table=tmp_path / name, kind="guides", controls=2)
    propose(tmp_path / "c", number=3)
    rows = csv.DictReader((tmp_path / "c" / "plates" / "plate-1.csv").read_text(encoding="utf-8").splitlines())
    picked = {row["candidate"]: row for row in rows if row["kind"] == "candidate"}
    assert len(picked) == 3
    assert one in picked[guide].values()
    assert also.items() <= picked[guide].items()
    # results come back under the number of the guide
    (tmp_path / "results.csv").write_text(f"guide,indel\n{one},42\n", encoding="utf-8")
    record(tmp_path / "c", tmp_path / "results.csv")
    stored = open_campaign(tmp_path / "c").campaign.state().results
    assert [(r.measurement.candidate, r.measurement.value) for r in stored] == [(guide, 42.0)]


def test_a_history_of_guides_of_another_length_is_refused_before_anything_is_made():
    rng = np.random.default_rng(0)
    sites = ["".join(rng.choice(list("ACGT"), 21)) + "GG" for _ in range(30)]
    pool = Pool.from_table({"guide": sites}, "guides")
    deephf = {"21mer": [site[:21] for site in sites], "Wt_Efficiency": rng.random(30).round(3)}
    with pytest.raises(InputError, match=r"21 letters, and those of the campaign 23: .*the first 20"):
        read_history(deephf, pool, Assay("indels", "%"))
    for cut in (20, 23):
        table = {"guide": [site[:cut] for site in sites], "Wt_Efficiency": deephf["Wt_Efficiency"]}
        learner = SisterGuideGP(read_history(table, pool, Assay("indels", "%")))
        assert learner.prior(pool).predict(pool, np.arange(5), 0, 0).mean.shape == (5, 1)

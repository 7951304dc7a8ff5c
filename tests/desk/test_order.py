"""DNA to order: every gene codes for its variant, differs from the wild type in its codons alone, and gains no site."""

import csv
import io

import pytest
from Bio.Seq import Seq
from Bio.SeqUtils import MeltingTemp

from activeloop.config import open_campaign
from activeloop.desk.new import CampaignOptions, draft, new
from activeloop.desk.order import SITES, OrderOptions, order, read_dna
from activeloop.desk.propose import PlateOptions, propose
from activeloop.errors import InputError, PlateError

WILD_TYPE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVG"
DNA = (
    "ATGAAAACCGCGTATATTGCGAAACAGCGCCAGATTAGCTTTGTGAAAAGCCATTTTAGCCGCCAGCTGGAAGAACGCCTGGGCCTGATTGAAGTGCAGGCG"
    "CCGATTCTGAGCCGCGTGGGC"
)


@pytest.fixture
def loop(tmp_path):
    options = CampaignOptions(({"name": "kcat"},), wild_type=WILD_TYPE, singles=True, positions="12-28")
    return open_campaign(new(draft(options), tmp_path / "enzyme").folder)


@pytest.fixture
def proposed(loop):
    propose(loop, 30, plate=PlateOptions(wells=96, controls=4))
    return loop


def test_every_gene_is_its_variant_and_no_codon_more(proposed):
    found = order(proposed, OrderOptions(DNA))
    assert len(found.lines) == 30
    for line in found.lines:
        assert str(Seq(line.sequence).translate()) == line.protein
        codons = [(line.sequence[i : i + 3], DNA[i : i + 3]) for i in range(0, len(DNA), 3)]
        changed = [i for i, (new, old) in enumerate(codons) if new != old]
        assert [f"{WILD_TYPE[i]}{i + 1}{line.protein[i]}" for i in changed] == [line.name]
    rows = list(csv.DictReader(io.StringIO(found.text)))
    assert list(rows[0]) == ["Well Position", "Name", "Sequence"]
    wells = {w: held.candidate for w, held in _plate(proposed).wells.items()}
    assert all(wells[row["Well Position"]] == row["Name"] for row in rows)


def _plate(loop):
    from activeloop.desk.propose import plates_of

    return plates_of(loop).plates[0]


def test_no_gene_gains_a_site(proposed):
    avoid = ("BsaI", "ecori", "HindIII", "CAGCTGG")
    found = order(proposed, OrderOptions(DNA, avoid=avoid))
    for site in (SITES["BsaI"], SITES["EcoRI"], SITES["HindIII"], "CAGCTGG"):
        for strand in {site, str(Seq(site).reverse_complement())}:
            assert all(line.sequence.count(strand) <= DNA.count(strand) for line in found.lines)
    assert found.notes == ("the wild type's DNA holds CAGCTGG itself; the genes hold it too.",)


def test_adapters_stand_on_both_sides_and_twist_has_its_form(proposed):
    found = order(proposed, OrderOptions(f">gene\n{DNA}TAA\n", prefix="ggtctca", suffix="TAAG", vendor="twist"))
    assert all(line.sequence.startswith("GGTCTCAATG") and line.sequence.endswith("TAAG") for line in found.lines)
    assert found.text.splitlines()[0] == "Name,Sequence,Length,Plate,Well"
    assert "stop codon was taken off" in found.notes[0]


def test_primers_bind_on_both_sides_of_the_mutation(proposed):
    found = order(proposed, OrderOptions(DNA, form="primers"))
    assert len(found.lines) == 60
    for forward, reverse in zip(found.lines[::2], found.lines[1::2], strict=True):
        assert forward.sequence == str(Seq(reverse.sequence).reverse_complement())
        assert (forward.name[-2:], reverse.name[-2:]) == ("-F", "-R")
        at = 3 * (int(forward.name[1:-3]) - 1)
        begin = next(i for i in range(len(DNA)) if DNA[i:at] and forward.sequence.startswith(DNA[i:at]))
        left, right = DNA[begin:at], forward.sequence[at - begin + 3 :]
        assert right == DNA[at + 3 : at + 3 + len(right)]
        for side in (left, right):
            melting = MeltingTemp.Tm_NN(side, nn_table=MeltingTemp.DNA_NN4, Na=50, dnac1=250, dnac2=0)
            assert melting >= 55 or len(side) == 30 or len(forward.sequence) == 60


def test_combinations_are_one_gene_and_no_pair_of_primers(tmp_path):
    options = CampaignOptions(({"name": "kcat"},), wild_type=WILD_TYPE, sites=("Q9=AC", "R21=GT"))
    loop = open_campaign(new(draft(options), tmp_path / "pair").folder)
    propose(loop, 4, plate=PlateOptions(wells=24, controls=2))
    for line in order(loop, OrderOptions(DNA, host="s_cerevisiae")).lines:
        assert str(Seq(line.sequence).translate()) == line.protein
    with pytest.raises(PlateError, match="13 codons apart, and one pair of primers spans 5"):
        order(loop, OrderOptions(DNA, form="primers"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dna": DNA[:-1]}, "no whole number of codons"),
        ({"dna": DNA[:-3]}, "codes for 40 residues, and the wild type has 41"),
        ({"dna": "ATGGAA" + DNA[6:]}, "codes for E at position 2, where the wild type has K"),
        ({"dna": DNA.replace("AAA", "ANA", 1)}, '"N" at position 5 is no letter of DNA'),
        ({"dna": DNA, "host": "e coli"}, 'no codons of "e coli" are known. Did you mean "e_coli"'),
        ({"dna": DNA, "avoid": ("BsaII",)}, '"BsaII" is neither DNA nor a known enzyme. Did you mean "BsaI"'),
    ],
)
def test_what_is_wrong_is_named(proposed, options, message):
    with pytest.raises(InputError, match=message):
        order(proposed, OrderOptions(**options))


def test_compounds_have_no_dna(tmp_path):
    table = tmp_path / "library.csv"
    table.write_text("smiles\nCCO\nCCN\nCCC\n")
    loop = open_campaign(
        new(draft(CampaignOptions(({"name": "IC50"},), table=table, kind="compounds")), tmp_path / "c").folder
    )
    with pytest.raises(InputError, match="variants of a protein whose wild type"):
        order(loop, OrderOptions(DNA))


def test_dna_is_letters_or_a_file_of_one_record(tmp_path):
    file = tmp_path / "gene.fasta"
    file.write_text(f">a\n{DNA}\n")
    assert DNA in read_dna(str(file))
    file.write_text(f">a\n{DNA}\n>b\n{DNA}\n")
    with pytest.raises(InputError, match="holds 2 records"):
        read_dna(str(file))


def test_it_is_typed(loop, typed, tmp_path):
    propose(loop, 5, plate=PlateOptions(wells=24, controls=2))
    out = tmp_path / "order.csv"
    status, said, err = typed("order", loop.folder.path, "--dna", DNA, "--avoid", "BsaI,BbsI", "--out", out)
    assert status == 0, err
    assert "5 genes of 615 letters in all, on IDT's form." in said
    assert len(out.read_text().splitlines()) == 6

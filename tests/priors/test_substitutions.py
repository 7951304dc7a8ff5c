"""The substitution prior ranks mutations, and never scores a protein by a table that was fitted to it."""

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Mutation, Pool, Sequence, Sites, Variant
from activeloop.errors import PoolError
from activeloop.priors import SubstitutionPrior, substitution_scores
from activeloop.priors.substitutions import CONTEXTS, COST, KMER, SubstitutionTables, kmer_hashes, residue_contexts

# they belong to published scans from which the prior was learned
UBIQUITIN = "MQIFVKTLTGKTITLEVESSDTIDNVKSKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
PROTEIN_G = "MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
TEM1 = (
    "MSIQHFRVALIPFFAAFCLPVFAHPETLVKVKDAEDQLGARVGYIELDLNSGKILESFRPEERFPMMSTFKVLLCGAVLSRVDAGQEQLGRRIHYSQNDLVEYSPVTEKHLTDGMTVREL"
    "CSAAITMSDNTAANLLLTTIGGPKELTAFLHNMGDHVTRLDRWEPELNEAIPNDERDTTMPAAMATTLRKLLTGELLTLASRQQLIDWMEADKVAGPLLRSALPAGWFIADKSGAGERGS"
    "RGIIAALGPDGKPSRIVVIYTTGSQATMDERNRQIAEIGASLIKHW"
)
SHIPPED = SubstitutionTables.shipped()
FULL = len(SHIPPED.tables) - 1


def random_protein(seed: int, n: int = 200) -> str:
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), n))


def planted(chain: str) -> SubstitutionTables:
    """Two parts, of which the second holds a chain; each table gives its own number for everything."""
    tables = np.zeros((3, CONTEXTS + 1, 20), np.float32)
    tables[:, -1] = np.array([10.0, 11.0, 12.0])[:, None]
    words = np.unique(kmer_hashes(chain))
    return SubstitutionTables(tables, np.zeros(CONTEXTS, np.float32), words, np.full(len(words), 1))


@pytest.mark.parametrize("chain", [UBIQUITIN, PROTEIN_G, TEM1], ids=["ubiquitin", "protein G", "TEM-1"])
def test_a_protein_that_was_learned_from_gets_the_table_that_has_not_seen_it(chain: str):
    tables = SHIPPED.held_out(chain)
    assert len(set(tables.tolist())) == 1
    assert tables[0] != FULL
    apart = residue_contexts(chain) @ SHIPPED.tables[tables[0], :-1] + SHIPPED.tables[tables[0], -1]
    others = np.array(list(chain))[:, None] != np.array(list(AMINO_ACIDS))
    np.testing.assert_allclose(SHIPPED.scores(chain)[others], apart[others], atol=1e-4)


@pytest.mark.parametrize("chain", [UBIQUITIN, PROTEIN_G, TEM1], ids=["ubiquitin", "protein G", "TEM-1"])
def test_so_do_its_fragments_and_relatives(chain: str):
    own = SHIPPED.held_out(chain)[0]
    rng = np.random.default_rng(0)
    for start in range(1, len(chain) - 20, 7):
        assert (SHIPPED.held_out(chain[start : start + 20]) == own).all()
    tagged = "MGSSHHHHHHSSG" + chain + random_protein(1, 50)
    assert (SHIPPED.held_out(tagged) == own).all()
    changed = list(chain)
    for i in rng.choice(len(chain), len(chain) // 10, replace=False):
        changed[i] = "A"
    assert (SHIPPED.held_out("".join(changed)) == own).all()


def test_a_fusion_of_two_is_answered_stretch_by_stretch():
    one, two = SHIPPED.held_out(UBIQUITIN)[0], SHIPPED.held_out(TEM1)[0]
    assert one != two
    joined = SHIPPED.held_out(UBIQUITIN + TEM1)
    assert (joined[: len(UBIQUITIN)] == one).all()
    assert (joined[len(UBIQUITIN) :] == two).all()


@pytest.mark.parametrize("seed", range(10))
def test_any_other_protein_gets_the_table_of_all(seed: int):
    assert (SHIPPED.held_out(random_protein(seed)) == FULL).all()


def test_the_table_used_is_the_one_named():
    tables = planted(TEM1)
    own = np.array(list(TEM1))[:, None] == np.array(list(AMINO_ACIDS))
    assert set(tables.scores(TEM1)[~own].tolist()) == {11.0}
    assert (tables.scores(TEM1)[own] == 0).all()
    assert set(tables.scores(random_protein(0))[:, :5].ravel().tolist()) == {0.0, 12.0}


def test_a_chain_without_context_gets_what_is_usual():
    assert len("VDGV") < KMER
    assert (SHIPPED.held_out("VDGV") == FULL).all()
    first, _, _, last = SHIPPED.scores("VDGV")
    np.testing.assert_allclose(first, last)


def test_the_file_holds_no_more_than_tables_and_hashes():
    assert SHIPPED.tables.shape == (11, CONTEXTS + 1, len(AMINO_ACIDS))
    assert np.isfinite(SHIPPED.tables).all()
    assert SHIPPED.kmers.dtype == np.uint32
    assert (np.diff(SHIPPED.kmers.astype(np.int64)) > 0).all(), "each k-mer belongs to one fold"
    assert set(SHIPPED.folds.tolist()) == set(range(10))


def test_what_every_biochemist_expects():
    pool = Pool.single_mutants(UBIQUITIN)
    assert pool.sites is not None
    scores = substitution_scores(pool.sites)[:, : len(AMINO_ACIDS)]
    letters = [scores[:, i].mean() for i in range(20)]
    assert AMINO_ACIDS[int(np.argmin(letters))] == "P"
    buried, exposed = "IVLFWYMC", "KEDNQSTRGPH"
    at = np.array(list(UBIQUITIN))
    assert scores[np.isin(at, list(buried))].mean() < scores[np.isin(at, list(exposed))].mean() - 0.2
    assert np.mean([scores[i, AMINO_ACIDS.index(a)] for i, a in enumerate(UBIQUITIN)]) == 0
    assert scores.sum() / (19 * len(UBIQUITIN)) == pytest.approx(-COST, abs=0.3)


def test_a_variant_is_the_sum_of_its_mutations_and_worse_the_more_it_has():
    pool = Pool.of(
        [
            Variant(UBIQUITIN, ()),
            Variant(UBIQUITIN, (Mutation(3, "I", "D"),)),
            Variant(UBIQUITIN, (Mutation(20, "S", "P"),)),
            Variant(UBIQUITIN, (Mutation(3, "I", "D"), Mutation(20, "S", "P"))),
        ]
    )
    values = SubstitutionPrior().features(pool, np.arange(4))
    assert values.shape == (4, 1)
    assert values[0] == 0
    assert values[3] == pytest.approx(values[1] + values[2])
    assert values[3] < min(values[1], values[2]) < 0


def test_positions_count_in_the_parent():
    whole, part = Pool.single_mutants(TEM1).sites, Pool.single_mutants(TEM1, positions=[7, 120, 263]).sites
    assert whole is not None
    assert part is not None
    np.testing.assert_array_equal(substitution_scores(part), substitution_scores(whole)[[6, 119, 262]])


def test_gaps_and_insertions_are_the_worst_that_can_happen_there():
    inserted = Variant(UBIQUITIN, (Mutation(0, "", "G"), Mutation(9, "", "GS"), Mutation(30, "I", "")))
    pool = Pool.of([inserted, Variant(UBIQUITIN, (Mutation(9, "T", "A"),))])
    sites = pool.sites
    assert sites is not None
    scores = substitution_scores(sites)
    gap = sites.alphabet.index("-")
    assert sites.labels == ("0ins1", "T9", "9ins1", "9ins2", "I30")
    for i in (1, 4):
        others = np.arange(len(sites.alphabet)) != gap
        assert scores[i, gap] == scores[i, others].min()
    for i in (0, 2, 3):
        assert scores[i, gap] == 0
        assert set(scores[i, :gap].tolist()) == {scores[i, 0]}
    assert scores[2, 0] == scores[1, gap] < 0


def test_genotypes_have_no_substitutions():
    genotypes = Sites("01", ("1", "2"), np.array([1, 2], np.int32), np.zeros(2, np.uint8), "00")
    assert not substitution_scores(genotypes).any()


def test_without_a_parent_there_is_no_mutation():
    pool = Pool.of([Sequence("WAFL"), Sequence("WAFM")])
    with pytest.raises(PoolError, match=r"no parent .* nothing was scored"):
        SubstitutionPrior().features(pool, np.arange(2))


def test_letters_that_are_no_amino_acids_change_nothing_far_away():
    contexts = residue_contexts("X" * 200 + UBIQUITIN)
    assert np.isfinite(contexts).all()
    assert not contexts[:100, :20].any()


def test_contexts_of_a_residue_are_what_they_say():
    contexts = residue_contexts("A" * 100 + "W" + "A" * 100)
    assert contexts[100, AMINO_ACIDS.index("W")] == 1
    np.testing.assert_allclose(contexts[99, 20:64], contexts[101, 20:64], atol=1e-6)
    # the end's influence, exp(-k / 5), and far from the tryptophan all is uniform
    assert contexts[0, 64] == 1
    assert contexts[5, 64] == pytest.approx(np.exp(-1))
    assert contexts[30, 20:55] == pytest.approx(contexts[31, 20:55], abs=0.02)

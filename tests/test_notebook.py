"""What central types show in a notebook: tables and pictures."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from activeloop import Assay, Campaign, Plate, Pool

PARENT = "MKTAYIAKQRQISFVKSHFSRQLE"


@pytest.fixture
def ax():
    return Figure(layout="constrained").add_subplot()


@pytest.fixture
def drawn(ax):
    """Draws what is given and saves it, as a notebook does; gives the axes."""

    def draw(what):
        assert what.plot(ax) is ax
        ax.figure.savefig("/dev/null", format="png")
        return ax

    return draw


@pytest.fixture(scope="module")
def pool():
    return Pool.single_mutants(PARENT)


@pytest.fixture
def loop(pool):
    loop = Campaign(pool, Assay("kcat", "1/s"))
    names = pool.names(range(0, 456, 30))
    loop.record({"mutant": names, "kcat": np.linspace(1.0, 3.0, len(names))})
    loop.fit()
    return loop


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_a_scan_shows_what_is_exchanged_and_no_residue_of_the_wild_type(pool, drawn):
    (image,) = drawn(pool).images
    counts = np.asarray(image.get_array().filled(np.nan))
    assert counts.shape == (20, len(PARENT))
    assert np.isnan(counts).sum() == len(PARENT)
    assert np.nanmin(counts) == np.nanmax(counts) == 1


def test_a_sample_of_a_large_library_shows_no_pattern(drawn):
    (image,) = drawn(Pool.combinatorial(PARENT, ["K2", "T3", "A4", "Y5"])).images
    share = np.asarray(image.get_array().filled(np.nan))
    assert 0.04 < np.nanmin(share) < np.nanmax(share) < 0.06


def test_other_pools_draw_themselves(drawn, ax):
    drawn(Pool.from_frame({"smiles": ["CCO", "CCN", "CCCCCC"]}, "compounds"))
    assert sum(bar.get_height() for bar in ax.patches) == 3
    ax.clear()
    drawn(Pool.from_frame({"guide": ["ACGTACGTAC", "TTGTACGTAC"]}, "guides"))


def test_where_nothing_is_known_yet_pictures_say_so(drawn, ax, pool):
    loop = Campaign(pool, Assay("kcat", "1/s"))
    assert words(drawn(loop)) == ["kcat: no results yet"]
    ax.clear()
    compounds = Campaign(Pool.from_frame({"smiles": ["CCO", "CCN", "CCCCCC"]}, "compounds"), Assay("IC50", "nM"))
    assert words(drawn(compounds.propose(2))) == ["proposal 1: nothing is predicted before the first results"]


def test_a_campaign_draws_its_best_so_far(loop, drawn, ax):
    best = drawn(loop).lines[0].get_ydata()
    assert list(best) == [3.0]
    ax.clear()
    classes = Campaign(loop.pool, Assay("fit", goal="classify"))
    classes.record({"mutant": ["K2R", "T3S", "A4G", "Y5F"], "fit": [1, 0, 1, 1]})
    assert list(drawn(classes).lines[0].get_ydata()) == [0.75]


def test_an_assay_on_a_logarithm_is_drawn_on_one(pool, drawn):
    loop = Campaign(pool, Assay("IC50", "nM", "minimise", scale="log"))
    loop.record({"mutant": ["K2R", "T3S"], "IC50": [3.0, 4000.0]})
    assert drawn(loop).get_yscale() == "log"


def test_predictions_of_few_candidates_are_named(loop, drawn, ax):
    table = loop.predict(["A4G", "WT"])
    assert {label.get_text() for label in drawn(table).get_xticklabels()} == {"A4G", "WT"}
    assert ax.get_ylabel() == "kcat predicted, 90 % interval"
    ax.clear()
    drawn(loop.predict(range(len(loop.pool))))
    assert ax.get_xlabel() == "candidates, sorted"


def test_proposals_and_data_draw_themselves(loop, drawn, ax):
    drawn(loop.propose(8))
    assert ax.get_ylabel() == "kcat predicted, 90 % interval"
    ax.clear()
    drawn(loop.dataset())


@pytest.mark.parametrize("wells", [24, 96, 384])
def test_a_plate_draws_its_wells_and_shows_them_in_a_table(loop, drawn, wells):
    plate = Plate.fill(loop.propose(12), wells, controls=2)
    kinds, values = (np.asarray(image.get_array()) for image in drawn(plate).images)
    assert np.isfinite(values.filled(np.nan) if np.ma.isMA(values) else values).sum() == 12
    assert (kinds == 2).sum() == 2
    assert ("WT" in words(drawn(plate))) == (wells <= 96)
    table = plate._repr_html_()
    assert table.count("<tr>") == {24: 4, 96: 8, 384: 16}[wells] + 1
    assert all(f"<td>{pick.name}</td>" in table for pick in plate.picks)


def test_tables_hold_text_and_no_markup():
    pool = Pool.from_frame({"smiles": ["CCO", "CCN"], "id": ["<b>1", "<b>2"]}, "compounds")
    proposal = Campaign(pool, Assay("IC50", "nM")).propose(2)
    table = Plate.fill(proposal, 24, 2, control="<u>").labelled(pool)._repr_html_()
    assert "&lt;b&gt;1" in table
    assert not any(tag in table for tag in ("<b>", "<u>"))

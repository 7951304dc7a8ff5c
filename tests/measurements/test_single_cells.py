"""Cells to conditions: layouts of sci-Plex 3 and Tahoe, matrices of every form, and files larger than memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from activeloop.errors import InputError, TableError
from activeloop.measurements.single_cells import read_cells

GENES = [f"GENE{i}" for i in range(12)]
SMILES = {"aspirin": "CC(=O)Oc1ccccc1C(=O)O", "ethanol": "CCO", "benzoic acid": "O=C(O)c1ccccc1"}


def sciplex(cells: int = 240, seed: int = 0, **changes) -> anndata.AnnData:
    """A tiny sci-Plex 3: three lines, three compounds at two doses in nM, and a vehicle."""
    rng = np.random.default_rng(seed)
    lines, names = rng.choice(["A549", "K562", "MCF7"], cells), rng.choice([*SMILES, "Vehicle"], cells)
    dose = np.where(names == "Vehicle", 0, rng.choice([10, 1000], cells))
    counts = rng.poisson(2.0, (cells, len(GENES)))
    counts[names == "ethanol", 3] += 20
    obs = {"cell_type": lines, "product_name": names, "dose": dose, "vehicle": names == "Vehicle",
           "replicate": rng.choice(["rep1", "rep2"], cells), "smiles": [SMILES.get(n, "") for n in names]}  # fmt: skip
    frame = pd.DataFrame(obs | changes, index=[f"c{i}" for i in range(cells)])
    for column in ("cell_type", "product_name", "smiles"):
        frame[column] = frame[column].astype("category")
    return anndata.AnnData(counts.astype(np.float32), frame, pd.DataFrame(index=GENES))


@pytest.fixture
def saved(tmp_path):
    def make(data: anndata.AnnData, **options) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5ad"
        data.write_h5ad(path, **options)
        return path

    return make


def expected(data: anndata.AnnData) -> dict[tuple, np.ndarray]:
    matrix, obs = np.asarray(data.X), data.obs
    keys = zip(obs.cell_type, obs.product_name, obs.dose, strict=True)
    keys = [(line, "" if name == "Vehicle" else name, dose) for line, name, dose in keys]
    return {key: matrix[[k == key for k in keys]].sum(0) for key in set(keys)}


@pytest.mark.parametrize("form", ["dense", "csr", "csc", "compressed"])
def test_cells_are_added_up_whatever_the_form_of_the_matrix(saved, form):
    data = sciplex()
    sums = expected(data)
    if form in ("csr", "csc"):
        data.X = {"csr": csr_matrix, "csc": csc_matrix}[form](data.X)
    found = read_cells(saved(data, **({"compression": "gzip"} if form == "compressed" else {})))
    assert (found.kind, found.counts, found.genes) == ("symbol", True, tuple(GENES))
    assert len(found) == len(sums) == 3 * 7
    for condition, values in zip(found.conditions, found.values, strict=True):
        assert (values == sums[condition.cells, condition.compound, condition.dose]).all()
    assert sum(c.count for c in found.conditions) == len(data)


def test_responses_are_differences_to_the_control_of_the_same_cells(saved):
    conditions, responses = read_cells(saved(sciplex())).responses()
    assert len(conditions) == 18
    by_gene = {c.compound: r for c, r in zip(conditions, responses, strict=True)}
    assert by_gene["ethanol"].argmax() == 3
    assert by_gene["ethanol"][3] > 1.5
    data = sciplex()
    only = data[~((data.obs.cell_type == "K562") & (data.obs.product_name == "Vehicle"))].copy()
    with pytest.raises(InputError, match="K562 have no control"):
        read_cells(saved(only)).responses()


def test_tahoe(saved):
    """One column holds drug, dose and unit; plates can be kept apart."""
    rng = np.random.default_rng(1)
    treated = ["[('Trametinib', 0.05, 'uM')]", "[('Trametinib', 500.0, 'nM')]", "[('DMSO_TF', 0.0, 'uM')]"]
    frame = pd.DataFrame({
        "cell_line": rng.choice(["CVCL_0023", "CVCL_0480"], 90), "drugname_drugconc": treated * 30,
        "plate": rng.choice(["plate1", "plate2"], 90), "BARCODE_SUB_LIB_ID": [f"b{i}" for i in range(90)],
    }, index=[f"c{i}" for i in range(90)])  # fmt: skip
    genes = pd.DataFrame({"gene_name": GENES}, index=[f"ENSG{i:011d}.3" for i in range(12)])
    path = saved(anndata.AnnData(csr_matrix(rng.poisson(1.0, (90, 12)).astype(np.float32)), frame, genes))
    found = read_cells(path)
    assert {(c.compound, c.dose) for c in found.conditions} == {("Trametinib", 50.0), ("Trametinib", 500.0), ("", 0.0)}
    assert (found.unit, found.kind, found.genes[0]) == ("nM", "Ensembl", "ENSG00000000000")
    assert read_cells(path, genes="gene_name").kind == "symbol"
    apart = read_cells(path, by_plate=True)
    assert {c.plate for c in apart.conditions} == {"plate1", "plate2"}
    assert apart.values.sum() == found.values.sum()


def test_splits_are_by_compound_cells_donor_or_scaffold_and_never_by_cell(saved):
    donors = np.random.default_rng(3).choice(["d1", "d2"], 240)
    found = read_cells(saved(sciplex(donor=donors)))
    for by, groups in (("compound", 3), ("cells", 3), ("donor", 2)):
        folds = found.folds(by, count=groups)
        sides: dict[str, set[int]] = {}
        for condition, fold in zip(found.conditions, folds, strict=True):
            assert (fold == -1) == condition.control
            if not condition.control:
                sides.setdefault(getattr(condition, by), set()).add(int(fold))
        assert all(len(folds) == 1 for folds in sides.values())
        assert len(set().union(*sides.values())) == groups
    folds = found.folds("scaffold", count=2)
    same = {c.compound: int(f) for c, f in zip(found.conditions, folds, strict=True)}
    assert same["aspirin"] == same["benzoic acid"] != same["ethanol"]
    with pytest.raises(InputError, match="3 compounds cannot make 5 folds"):
        found.folds("compound")
    with pytest.raises(InputError, match="Cells of one condition are repeats"):
        found.folds("cell")  # type: ignore[arg-type]


def test_genes_that_stand_twice_are_added_and_a_few_can_be_read_alone(saved):
    data = sciplex()
    data.var_names = ["GENE1", *GENES[1:]]
    found = read_cells(saved(data))
    assert len(found.genes) == 11
    assert found.values.sum() == np.asarray(data.X).sum()
    assert "added up" in found.notes[0]
    some = read_cells(saved(sciplex()), only=["GENE7", "GENE3"])
    assert some.genes == ("GENE7", "GENE3")
    assert (some.values == read_cells(saved(sciplex())).values[:, [7, 3]]).all()


def test_log_values_are_averaged(saved):
    data = sciplex()
    data.layers["log"] = np.log1p(np.asarray(data.X))
    found = read_cells(saved(data), layer="log")
    assert not found.counts
    assert found.values.max() < 4
    assert (found.expression() == found.values).all()


def test_treatments_named_in_two_columns(saved):
    """A second column that says the same, or less, is passed over; one that says something else is not."""
    data = sciplex()
    data.obs["treatment"] = data.obs.product_name.astype(str).str[:2]
    assert len(read_cells(saved(data))) == 21
    data.obs["perturbation"] = np.random.default_rng(5).choice(["KO1", "KO2"], len(data))
    with pytest.raises(InputError, match="product_name and treatment and perturbation could both"):
        read_cells(saved(data))
    assert len(read_cells(saved(data), columns={"compound": "perturbation", "dose": "", "control": ""})) == 6


CASES = [
    ("gene ids of several kinds", {"genes": ["ENSG00000141510", *GENES[1:]]}, {}, "several kinds"),
    ("a dose that is none", {"dose": "high"}, {}, '"high" is no dose'),
    ("doses in units that do not fit", {"dose": ["1 nM", "1 ng/mL"]}, {}, "cannot be converted"),
    ("doses with and without unit", {"dose": ["1 nM", "1"]}, {}, "no unit"),
    ("scaled values", {"x": -1.0}, {}, "below 0"),
    ("no numbers", {"x": np.nan}, {}, "no numbers"),
    ("no such column", {}, {"columns": {"compound": "drgu"}}, 'no column "drgu"'),
    ("no such role", {}, {"columns": {"drug": "product_name"}}, "no role"),
    ("no such layer", {}, {"layer": "raw"}, 'no layer "raw"'),
    ("no such column of genes", {}, {"genes": "symbol"}, 'no column "symbol"'),
    ("no such gene", {}, {"only": ["TP53"]}, "TP53"),
]


def test_cells_of_which_nothing_is_known_are_left_out_and_counted(saved):
    data = sciplex(donor=np.random.default_rng(1).choice(["D1", "D2"], 240))
    whole = read_cells(saved(data))
    data.obs = data.obs.astype({"cell_type": object, "product_name": object, "donor": object})
    treated = data.obs.index[~data.obs.vehicle]
    data.obs.loc[treated[:5], "cell_type"] = np.nan
    data.obs.loc[treated[5:9], "product_name"] = np.nan
    data.obs.loc[treated[9:12], "donor"] = "nan"
    found = read_cells(saved(data))
    assert found.notes[:3] == tuple(
        f"{count} cells without a {what} were left out." for count, what in ((5, "line"), (4, "compound"), (3, "donor"))
    )
    assert sum(c.count for c in found.conditions) == 240 - 12
    assert {c for c in found.conditions if c.control} == {c for c in whole.conditions if c.control}
    untreated = read_cells(saved(data), controls=["nan"])
    controls = [sum(c.count for c in each.conditions if c.control) for each in (found, untreated)]
    assert controls[1] == controls[0] + 4
    with pytest.raises(InputError, match="no cell has a treatment"):
        read_cells(saved(sciplex(cell_type=[None] * 240)))


def test_a_line_in_two_spellings_is_one(saved):
    data = sciplex()
    whole = read_cells(saved(data))
    data.obs["cell_type"] = [
        f"{n[:3]}-{n[3:]}" if i % 2 and n == "MCF7" else n for i, n in enumerate(data.obs.cell_type)
    ]
    found = read_cells(saved(data))
    assert len(found) == len(whole)
    assert {c.count for c in found.conditions} == {c.count for c in whole.conditions}
    assert any(re.search("read as one: MCF-?7 = MCF-?7", note) for note in found.notes)


@pytest.mark.parametrize(("changes", "options", "message"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_wrong_file_is_refused(saved, changes, options, message):
    data = sciplex()
    if "genes" in changes:
        data.var_names = changes["genes"] * (len(GENES) // len(changes["genes"]))
    if "dose" in changes:
        doses = changes["dose"] if isinstance(changes["dose"], list) else [changes["dose"]]
        data.obs["dose"] = (doses * len(data))[: len(data)]
    if "x" in changes:
        data.X[0, 0] = changes["x"]
    path = saved(data)
    with pytest.raises(InputError) as caught:
        read_cells(path, **options)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_counts_kept_as_raw_beside_a_scaled_matrix(saved):
    data = sciplex()
    scaled = data.copy()
    scaled.X = (data.X - data.X.mean(0)) / data.X.std(0)
    scaled.raw = data
    scaled = scaled[:, :5].copy()  # as after a choice of variable genes
    file = saved(scaled)
    with pytest.raises(InputError, match=r"values below 0 .*There is: raw"):
        read_cells(file)
    assert np.array_equal(read_cells(file, layer="raw").values, read_cells(saved(data)).values)


def test_tables_of_records_of_old_files(saved):
    """Before anndata 0.7 obs and var were one table of records each."""
    file = saved(sciplex())
    whole = read_cells(file)
    with h5py.File(file, "r+") as h5:
        obs = anndata.io.read_elem(h5["obs"])
        lines, names = (obs[column].cat for column in ("cell_type", "product_name"))
        records = np.rec.fromarrays(
            [lines.codes.to_numpy(), obs["product_name"].to_numpy().astype("S20"), obs["dose"].to_numpy()],
            names=["cell_type", "product_name", "dose"],
        )
        assert set(names.categories) == {*SMILES, "Vehicle"}
        del h5["obs"], h5["var"]
        h5["obs"] = records
        h5["var"] = np.rec.fromarrays([np.array(GENES, "S10")], names=["index"])
        h5["uns/cell_type_categories"] = np.array(lines.categories.tolist(), "S10")
    old = read_cells(file)
    assert [(c.cells, c.compound, c.dose) for c in old.conditions] == [
        (c.cells, c.compound, c.dose) for c in whole.conditions
    ]
    assert np.array_equal(old.values, whole.values)


def test_a_matrix_that_is_damaged_missing_or_of_another_size_is_refused(saved):
    damaged, missing, short = (saved(sciplex(), compression="gzip") for _ in range(3))
    with h5py.File(damaged) as h5:
        at = h5["X"].id.get_chunk_info(0).byte_offset
    content = bytearray(damaged.read_bytes())
    content[at : at + 40] = bytes(40)
    damaged.write_bytes(content)
    with h5py.File(missing, "r+") as h5:
        del h5["X"]
    with h5py.File(short, "r+") as h5:
        part = h5["X"][:-7]
        del h5["X"]
        h5["X"] = part
    for file, message in (
        (damaged, "this file is damaged"),
        (missing, "there is no matrix X"),
        (short, "the matrix is 233 x 12, and there are 240 cells and 12 genes"),
    ):
        with pytest.raises(InputError, match=message):
            read_cells(file)


def test_what_is_no_anndata_is_refused(tmp_path):
    (tmp_path / "a.h5ad").write_text("no HDF5")
    with pytest.raises(TableError, match=r"no \.h5ad file"):
        read_cells(tmp_path / "a.h5ad")
    with pytest.raises(TableError, match="no such file"):
        read_cells(tmp_path / "b.h5ad")
    with h5py.File(tmp_path / "c.h5ad", "w") as file:
        file["x"] = [1]
    with pytest.raises(TableError, match="no AnnData"):
        read_cells(tmp_path / "c.h5ad")
    data = sciplex()
    data.obs = data.obs[["replicate"]].rename(columns={"replicate": "what"})
    data.write_h5ad(tmp_path / "d.h5ad")
    with pytest.raises(InputError, match="no column of obs names the treatment"):
        read_cells(tmp_path / "d.h5ad")


# -- files larger than memory

#: MiB by which reading may grow the process, whatever the size of the file
BOUND = 400


def _obs(file, cells: int) -> None:
    """As anndata writes it: categories and codes."""
    rng = np.random.default_rng(0)
    columns = {"cell_type": ["A549", "K562", "MCF7"], "product_name": ["Vehicle", *(f"d{i}" for i in range(40))]}
    obs = file.create_group("obs")
    obs.attrs.update({"encoding-type": "dataframe", "_index": "_index", "column-order": list(columns)})
    for name, categories in columns.items():
        column = obs.create_group(name)
        column.attrs["encoding-type"] = "categorical"
        column["categories"] = np.array(categories, dtype="S")
        column["codes"] = rng.integers(0, len(categories), cells).astype(np.int8)


def _var(file, genes: int) -> None:
    var = file.create_group("var")
    var.attrs["_index"] = "_index"
    var["_index"] = np.array([f"GENE{i}" for i in range(genes)], dtype="S")


READ = (
    "found = read_cells(sys.argv[1])\n"
    "said = f'{len(found)} {sum(c.count for c in found.conditions)} {int(found.values.sum())}'\n"
)
COMMAND = (
    "from typer.testing import CliRunner; from activeloop.cli import app\n"
    "done = CliRunner().invoke(app, ['cells', sys.argv[1], '--out', sys.argv[1] + '-tables'])\n"
    "said = done.output.replace(chr(10), ' ')\n"
)


def grown(path: Path, does: str = READ) -> tuple[float, str]:
    """MiB by which the peak of a process grows while it reads a file, and what it says."""
    code = (
        "import resource, sys; import h5py, numpy\n"
        "from activeloop.measurements.single_cells import read_cells\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"{does}"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, said)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.strip().partition(" ")
    return float(first), rest


def test_a_million_sparse_cells_in_bounded_memory(tmp_path):
    """10^6 cells x 3,000 genes with 20 counts each: 160 MB of entries, which would be 24 GB as a dense matrix."""
    cells, genes, each = 1_000_000, 3000, 20
    with h5py.File(tmp_path / "big.h5ad", "w") as file:
        _obs(file, cells)
        _var(file, genes)
        x = file.create_group("X")
        x.attrs.update({"encoding-type": "csr_matrix", "shape": (cells, genes)})
        x["indptr"] = np.arange(0, cells * each + 1, each)
        x.create_dataset("indices", (cells * each,), "int32", chunks=(2**18,))
        x.create_dataset("data", (cells * each,), "float32", chunks=(2**18,))
        rng = np.random.default_rng(1)
        for start in range(0, cells, 100_000):
            part = slice(start * each, (start + 100_000) * each)
            x["indices"][part] = rng.integers(0, genes, 100_000 * each, dtype=np.int32)
            x["data"][part] = 1.0
    mib, said = grown(tmp_path / "big.h5ad")
    assert said == f"{3 * 41} {cells} {cells * each}"
    assert mib < BOUND, mib


def test_a_dense_matrix_larger_than_its_bound(tmp_path):
    """400,000 cells x 4,000 genes, 6.4 GB as numbers; nearly all chunks are zeros that no file stores."""
    cells, genes = 400_000, 4000
    with h5py.File(tmp_path / "dense.h5ad", "w") as file:
        _obs(file, cells)
        _var(file, genes)
        x = file.create_dataset("X", (cells, genes), "float32", chunks=(1000, genes), compression="gzip")
        for start in range(0, cells, 100_000):
            x[start, 5] = 7.0
    mib, said = grown(tmp_path / "dense.h5ad", COMMAND)
    assert f"{cells:,} cells of {3 * 41} conditions" in said
    with (tmp_path / "dense.h5ad-tables" / "treatments.csv").open() as table:
        assert len(table.readlines()) == 1 + 3 * 40
    assert mib < BOUND, mib

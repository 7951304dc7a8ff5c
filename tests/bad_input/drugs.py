"""Compounds, doses, treatments, histories, side tables and single cells with a mistake, through every verb."""

from __future__ import annotations

import io

from bad_input.case import Case
from bad_input.files import lines

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
TREATED = lines("cell line,drug,dose,viability", "A375,a,1 uM,50", "HT29,a,1 uM,70")
DOSES = ("0.01", "0.1", "1", "10", "100")


def readings(*rows: str, head: str = "compound,dose (uM),signal") -> bytes:
    """Dose readings of one compound with its controls, and further rows."""
    good = [f"a,{dose},{1000 - 150 * i}" for i, dose in enumerate(DOSES)]
    return lines(head, "DMSO,0,1000", "DMSO,0,990", "DMSO,0,1010", *good, *rows)


def scan(*rows: str, head: str = "smiles,y") -> bytes:
    """A screen of compounds."""
    return lines(head, *(f"{'C' * n}O,{n}" for n in range(1, 25)), *rows)


def profile(drug: str, head: bool = True, cells: int = 8) -> list[str]:
    """One drug on cells."""
    return [*(["cell line,drug,y"] if head else []), *(f"L{i},{drug},{i}.5" for i in range(cells))]


def cells(**changes: object) -> bytes:
    """An AnnData file of 12 cells and 4 genes, as h5py writes it; `genes`, `obs` and `x` may be others."""
    import h5py
    import numpy as np

    buffer = io.BytesIO()
    obs = {
        "cell_line": ["A", "B"] * 6,
        "drug": ["DMSO", "DMSO", "a", "a", "b", "b"] * 2,
        "dose": ["0", "0", *["1"] * 4] * 2,
    }
    obs["dose_unit"] = ["uM"] * 12
    obs |= changes.get("obs", {})  # type: ignore[operator]
    genes = changes.get("genes", ["TP53", "BRCA1", "MYC", "KRAS"])
    with h5py.File(buffer, "w") as file:
        for table, columns in (("obs", obs), ("var", {"_index": genes})):
            group = file.create_group(table)
            group.attrs["_index"] = "_index"
            for name, values in columns.items():
                if values is not None:
                    group[name] = np.array(values, dtype="S")
        file["X"] = np.asarray(changes.get("x", np.arange(48).reshape(12, 4)), np.float32)
    return buffer.getvalue()


#: doses and signals in each other's column
SWAPPED = lines(
    "compound,signal,dose (uM)",
    *(f"{c},{d},{1000 / (1 + d) + 0.3 * k:.3f}" for k, c in enumerate("ABC") for d in map(float, DOSES)),
)


def plate_with_exchanged_columns() -> bytes:
    """Eight compounds at ten doses, one a row of the plate, the wells of columns 4 and 9 in each other's place."""
    import numpy as np

    rng, rows = np.random.default_rng(2), ["well,compound,dose (uM),signal"]
    for r, row in enumerate("ABCDEFGH"):
        doses = 10.0 ** np.linspace(-3, 1, 10)
        true = 1000 / (1 + doses / 10.0 ** rng.uniform(-2, 0.5))
        true[[2, 7]] = true[[7, 2]]
        rows += [f"{row}1,DMSO,,{1000 + 20 * rng.normal():.0f}"]
        rows += [f"{row}{c + 2},d{r},{doses[c]:.5g},{true[c] + 20 * rng.normal():.0f}" for c in range(10)]
    return lines(*rows)


def compounds(id: str, content: bytes, where: str, *expected: str, options: str = "") -> Case:
    return Case(
        id,
        f"new x --assay IC50:nM --kind compounds --table t.csv {options}",
        where,
        expected,
        {"t.csv": content},
        "nothing",
    )


def treatments(id: str, options: str, where: str, *expected: str, **files: bytes) -> Case:
    named: dict[str, bytes | None] = {name.replace("_", "."): content for name, content in files.items()}
    return Case(id, f"new x --assay y {options}", where, expected, named, "nothing")


def curve(id: str, content: bytes, where: str, *expected: str, options: str = "") -> Case:
    return Case(id, f"curves t.csv --response viability {options}", where, expected, {"t.csv": content}, "nothing")


def result(id: str, content: bytes, where: str, *expected: str) -> Case:
    return Case(id, "record loop t.csv", where, expected, {"t.csv": content}, "treatments")


def replayed(id: str, options: str, where: str, *expected: str, **files: bytes) -> Case:
    named: dict[str, bytes | None] = {name.replace("_", "."): content for name, content in files.items()}
    return Case(id, f"replay t.csv --seeds 1 --jobs 1 {options}", where, expected, named, "nothing")


def single(id: str, content: bytes, *expected: str, options: str = "--out o") -> Case:
    return Case(id, f"cells t.h5ad {options}", "t.h5ad: ", expected, {"t.h5ad": content}, "nothing")


GUIDES = ("ACGTACGTACGTACGTACGT", "TTGTACGTACGTACGTACGA", "CCGTACGTACGTACGTACGC")
#: a row for each guide and outcome
LONG = lines("guide,outcome,reads", *(f"{g},{o},{9 + i}" for i, g in enumerate(GUIDES) for o in ("I1", "D2")))


def outcomes(id: str, *expected: str, head: str = "guide,I1,D2,D6", rows: tuple[str, ...], options: str = "") -> Case:
    """A table of repair outcomes of three guides; `where` is the first of what is expected."""
    content = lines(head, *(f"{g},{row}" for g, row in zip(GUIDES, rows, strict=True)))
    return Case(id, f"outcomes t.csv --out o {options}", expected[0], expected[1:], {"t.csv": content}, "nothing")


DRUGS = [
    outcomes(
        "shares that do not sum to 1",
        "t.csv, row 3: ",
        "sum to 0.7 of 1",
        "--rest other",
        rows=("0.5,0.3,0.2", "0.5,0.2,0", "1,0,0"),
    ),
    outcomes("shares above 1", "t.csv, row 3: ", "not to 1 or 100", rows=("0.5,0.3,0.2", "0.9,0.5,0.2", "1,0,0")),
    outcomes(
        "shares beside percent",
        "t.csv, row 3: ",
        "as percent do, and those of the guide in row 2 to 1, as shares do",
        rows=("0.5,0.3,0.2", "50,30,20", "1,0,0"),
    ),
    outcomes(
        "reads or percent",
        "t.csv: ",
        "could be reads, or percent",
        "--unit reads",
        rows=("20,30,10", "50,20,0", "9,1,0"),
    ),
    outcomes(
        "percent with a part left out",
        "t.csv, row 3: ",
        "Say --unit percent",
        rows=("50.5,29.5,20", "50,20.5,0", "90.5,1,0"),
    ),
    outcomes("a share below 0", "t.csv, row 3: ", "below 0", rows=("0.5,0.3,0.2", "1.1,-0.1,0", "1,0,0")),
    outcomes("a share that is a word", "t.csv, row 3: ", "many", rows=("0.5,0.3,0.2", "0.5,many,0.2", "1,0,0")),
    outcomes("a guide without reads", "t.csv, row 4: ", "no reads", rows=("500,30,20", "500,300,2", "0,0,0")),
    outcomes(
        "a number that may be no outcome",
        "t.csv: ",
        'is "offset" an outcome?',
        "--columns I1,D2",
        head="guide,I1,D2,offset",
        rows=("500,30,20", "500,300,2", "100,2,3"),
    ),
    outcomes("no outcomes at all", "t.csv: ", "no outcomes are found", head="guide,efficiency", rows=("1", "2", "3")),
    outcomes(
        "reads that are no whole numbers",
        "t.csv, row 2: ",
        "reads are whole numbers",
        rows=("0.5,0.3,0.2", "1,0,0", "1,0,0"),
        options="--unit reads",
    ),
    outcomes(
        "percent that are shares",
        "t.csv, row 2: ",
        "sum to 1 of 100",
        rows=("0.5,0.3,0.2", "1,0,0", "1,0,0"),
        options="--unit percent",
    ),
    Case(
        "further guides that are none",
        "outcomes t.csv --out o --guides g.csv",
        "",
        ("g.csv",),
        {
            "t.csv": lines("guide,I1,D2", *(f"{GUIDES[0][:k]}A{GUIDES[0][k + 1 :]},1,300" for k in range(1, 20, 2))),
            "g.csv": lines("guide", "ACGU!"),
        },
        "nothing",
    ),
    Case(
        "outcomes for a campaign's results",
        "replay t.csv --kind guides --seeds 1 --jobs 1",
        "t.csv: ",
        ("several rows a guide", "activeloop outcomes"),
        {"t.csv": LONG},
        "nothing",
    ),
    Case(
        "outcomes for a history",
        "new x --assay y --kind guides --table g.csv --history t.csv",
        "",
        ("several rows a guide", "activeloop outcomes"),
        {"t.csv": LONG, "g.csv": lines("guide", *GUIDES)},
        "nothing",
    ),
    compounds("ring that is not closed", lines("smiles", "CCO", "C1CC(C"), "t.csv, row 3: ", "C1CC(C"),
    compounds("valence that cannot be", lines("smiles", "CCO", "C(C)(C)(C)(C)C"), "t.csv, row 3: ", "C(C)(C)(C)(C)C"),
    compounds("a name for a structure", lines("smiles", "CCO", "aspirin"), "t.csv, row 3: ", "aspirin"),
    compounds("an InChI for a SMILES", lines("smiles", "CCO", "InChI=1S/CH4/h1H4"), "t.csv, row 3: ", "InChI"),
    compounds(
        "one structure twice", lines("smiles", ASPIRIN, "OC(=O)c1ccccc1OC(C)=O"), "t.csv, row 3: ", "as in row 2"
    ),
    compounds("a salt of another row", lines("smiles", "CC(=O)O", "CC(=O)[O-].[Na+]"), "t.csv, row 3: ", "row 2"),
    compounds("a number for a structure", lines("smiles", "CCO", "12"), "t.csv, row 3: ", '"12"'),
    compounds("empty structures", lines("id,smiles", "a,CCO", "b,"), "t.csv, row 3: ", "empty"),
    compounds("aromatic ring that is none", lines("smiles", "CCO", "c1cccc1"), "t.csv, row 3: ", "c1cccc1"),
    compounds("no structures at all", lines("id", "a", "b"), "t.csv", "which column names the compounds"),
    treatments("dose without a unit", '--cells A,B --compounds a,b --doses "0.1, 1"', "", "unit"),
    treatments("dose 0 in the pool", '--cells A,B --compounds a,b --doses "0, 1 uM"', "", "0"),
    treatments("a dose below 0", '--cells A,B --compounds a,b --doses "-1 uM, 1 uM"', "", "-1"),
    treatments("the same dose twice", '--cells A,B --compounds a,b --doses "1000 nM, 1 uM"', "", "1 uM"),
    treatments("doses in volumes", '--cells A,B --compounds a,b --doses "1 uL, 2 uL"', "", "uL"),
    treatments(
        "doses of two kinds",
        '--cells A,B --compounds a,b --doses "1 ug/mL, 1 uM"',
        "",
        "cannot be converted into each other",
    ),
    treatments(
        "a history with doses of two kinds",
        '--cells A,B --compounds a,b --doses "1 uM" --history h.csv',
        "h.csv, row 3: ",
        "cannot be converted",
        h_csv=lines("cell line,drug,dose,y", "A,c,1 uM,2", "B,c,1 mg/kg,3"),
    ),
    treatments("pairs of one compound", "--cells A,B --compounds a --pairs", "", "compounds"),
    treatments("cells without compounds", "--cells A,B", "", "--compounds"),
    treatments("a compound twice", "--cells A,B --compounds a,a", "", '"a" is listed twice'),
    treatments("a line twice", "--cells A,A --compounds a,b", "", '"A" is listed twice'),
    treatments("a bar in a name", '--cells "A|1,B" --compounds a,b', "", "bar"),
    treatments(
        "mixed dose units without conversion",
        "--table t.csv --kind treatments",
        "t.csv, row 3: ",
        "doses are in uM and in mg/mouse",
        t_csv=lines("cell line,drug,dose", "A,a,1 uM", "A,b,2 mg/mouse"),
    ),
    treatments(
        "some doses and some none",
        "--table t.csv --kind treatments",
        "t.csv",
        "dose",
        t_csv=lines("cell line,drug,dose", "A,a,1 uM", "A,b,"),
    ),
    treatments(
        "treatments without cells",
        "--table t.csv --kind treatments",
        "t.csv",
        "cells",
        t_csv=lines("drug,dose", "a,1 uM"),
    ),
    treatments(
        "empty cells of a treatment",
        "--table t.csv --kind treatments",
        "t.csv, row 3: ",
        "cells",
        t_csv=lines("cell line,drug", "A,a", ",b"),
    ),
    treatments(
        "a drug combined with itself",
        "--table t.csv --kind treatments",
        "t.csv, row 2: ",
        "itself",
        t_csv=lines("cell line,drug,drug 2", "A,a,a"),
    ),
    treatments(
        "a pair in both orders",
        "--table t.csv --kind treatments",
        "t.csv, row 3: ",
        "row 2",
        t_csv=lines("cell line,drug,drug 2", "A,a,b", "A,b,a"),
    ),
    treatments(
        "a history of another kind", "--cells A,B --compounds a,b --history h.csv", "h.csv", "cells", h_csv=scan()
    ),
    treatments(
        "a history without values",
        "--cells A,B --compounds a,b --history h.csv",
        "h.csv",
        "holds no value of a treatment",
        h_csv=lines("cell line,drug,y", "A,c,", "B,c,n.d."),
    ),
    treatments(
        "a history of two columns of values",
        "--cells A,B --compounds a,b --history h.csv",
        "h.csv",
        "which column",
        h_csv=lines("cell line,drug,AUC,IC50", "A,c,1,2", "B,c,2,3"),
    ),
    treatments(
        "a history whose doses have no unit",
        '--cells A,B --compounds a,b --doses "1 uM" --history h.csv',
        "h.csv",
        "unit",
        h_csv=lines("cell line,drug,dose,y", "A,c,1,2", "B,c,1,3"),
    ),
    treatments(
        "a history for variants",
        "--wild-type MKTAYIAKQR --singles --history h.csv",
        "",
        "no learner of variants reads a history",
        h_csv=lines("mutant,y", "K2R,1"),
    ),
    curve(
        "two doses",
        lines("compound,dose (uM),signal", "DMSO,0,1000", "DMSO,0,990", "a,1,500", "a,10,200"),
        "t.csv",
        "dose",
    ),
    curve(
        "no controls",
        lines("compound,dose (uM),signal", *(f"a,{d},{i}" for i, d in enumerate(DOSES))),
        "t.csv",
        "control",
    ),
    curve("doses without a unit", readings(head="compound,dose,signal"), "t.csv", "unit"),
    curve("a dose that is a word", readings("b,high,500"), "t.csv, row 10: ", "high"),
    curve("a dose below 0", readings("b,-1,500"), "t.csv, row 10: ", "-1"),
    curve("a reading that is a word", readings("b,1,low"), "t.csv, row 10: ", "low"),
    curve("units that cannot be converted", readings("b,1 mg/mL,500"), "t.csv", "mg/mL"),
    curve("unit that is none", readings(), "", "furlong", options="--dose-unit furlong"),
    curve("no dose at all", lines("compound,signal", "a,1", "b,2"), "t.csv", "dose"),
    curve("response that there is none of", readings(), "", "glow", options="--response glow"),
    curve(
        "two columns of a plate that were exchanged",
        plate_with_exchanged_columns(),
        "t.csv: ",
        "with columns 4 and 9 exchanged",
        "--as-written",
    ),
    curve("columns that were exchanged", SWAPPED, "t.csv", "look swapped", options="--response raw"),
    result(
        "a drug that is not in the pool",
        lines("cell line,drug,dose,viability", "A375,z,1 uM,50"),
        "t.csv, row 2: ",
        "z",
    ),
    result(
        "a line that is not in the pool",
        lines("cell line,drug,dose,viability", "U2OS,a,1 uM,50"),
        "t.csv, row 2: ",
        "U2OS",
    ),
    result(
        "a dose that is not in the pool",
        lines("cell line,drug,dose,viability", "A375,a,3 uM,50"),
        "t.csv, row 2: ",
        "3 uM",
    ),
    result(
        "a result without a dose unit", lines("cell line,drug,dose,viability", "A375,a,1,50"), "t.csv, row 2: ", "unit"
    ),
    result(
        "a result without its line", lines("cell line,drug,dose,viability", ",a,1 uM,50"), "t.csv, row 2: ", "cells"
    ),
    result("a result in another unit", lines("cell line,drug,dose,viability (nM)", "A375,a,1 uM,50"), "t.csv", "nM"),
    result(
        "results without a dose",
        lines("cell line,drug,viability", "A375,a,50"),
        "t.csv, row 2: ",
        "CELLS | DRUG | DOSE",
    ),
    replayed(
        "a history of the same drug alone",
        "--kind treatments --history t.csv",
        "",
        "of the replayed candidates themselves",
        t_csv=lines(*profile("a", cells=40)),
    ),
    replayed(
        "a history that is gone",
        "--kind treatments --history gone.csv",
        "gone.csv",
        "no such file",
        t_csv=lines(*profile("a", cells=40)),
    ),
    replayed(
        "side tables of compounds",
        "--kind compounds --panel p.csv",
        "",
        "--panel: compounds have no side tables",
        t_csv=scan(),
        p_csv=lines("id,targets", "a,EGFR"),
    ),
    replayed(
        "a panel that is gone",
        "--kind treatments --panel gone.csv",
        "gone.csv",
        "no such file",
        t_csv=lines(*profile("a", cells=40)),
    ),
    replayed(
        "a history of variants",
        "--history t.csv",
        "",
        "no learner of variants reads a history",
        t_csv=lines("mutant,y", *(f"K{i}R,{i}" for i in range(1, 9))),
    ),
    replayed(
        "treatments for compounds", "--kind compounds", "t.csv, row 2: ", "is not a SMILES", t_csv=lines(*profile("a"))
    ),
    single(
        "gene ids of several kinds",
        cells(genes=["TP53", "ENSG00000141510", "7157", "MYC"]),
        "several kinds",
        "Name a column of the genes",
    ),
    single("no column of treatments", cells(obs={"drug": None}), "no column of obs names the treatment"),
    single(
        "no control among the cells",
        cells(obs={"drug": ["c", "d", "a", "a", "b", "b"] * 2, "dose": ["1"] * 12}),
        "have no control",
    ),
    single(
        "units of doses that cannot be converted", cells(obs={"dose_unit": ["uM", "mg/kg"] * 6}), "cannot be converted"
    ),
    single("values below 0", cells(x=[[-1.0] * 4] * 12), "values below 0"),
    single("values that are no numbers", cells(x=[[float("nan")] * 4] * 12), "no numbers"),
    single("a dose that is a word", cells(obs={"dose": ["0", "0", *["high"] * 4] * 2}), '"high" is no dose'),
    single("no AnnData file", b"not HDF5", "no .h5ad file"),
    single("a gene that is not there", cells(), 'no gene "EGFR"', options="--out o --response EGFR"),
    single(
        "folds of more than there is", cells(), "2 compounds cannot make 5 folds", options="--out o --split compound"
    ),
    single(
        "doses with another unit than said", cells(), "its doses are in uM, not in nM", options="--out o --dose-unit nM"
    ),
    Case(
        "a panel of other lines and drugs",
        "new x --assay y --cells A,B --compounds a,b --panel t.csv",
        "t.csv names none",
        ("none of the cells (A, B)", "none of the compounds (a, b)", "No campaign was made"),
        {"t.csv": lines("cell line,tissue", "C,skin")},
        "nothing",
    ),
    Case(
        "a panel of cells without controls",
        "new x --assay y --cells A,B --compounds a,b --panel t.h5ad",
        "t.h5ad: ",
        ("have no control", "activeloop cells"),
        {"t.h5ad": cells(obs={"drug": ["c", "d", "a", "a", "b", "b"] * 2, "dose": ["1"] * 12})},
        "nothing",
    ),
]

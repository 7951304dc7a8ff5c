"""A campaign that was damaged or edited, and verbs with wrong options."""

from __future__ import annotations

from pathlib import Path

from bad_input.case import BIG, FINE, Case
from bad_input.damage import edit, full_disk, locked, lose_the_model, no_plates, overwrite, sql
from bad_input.files import lines


def config(id: str, old: str, new: str, *expected: str, where: str = "loop/campaign.toml: ") -> Case:
    """A change of campaign.toml by hand, then `activeloop propose`."""
    return Case(id, "propose loop --another", where, expected, damage=lambda: edit(old, new))


CONFIGS = [
    config(
        "not TOML",
        "wells = 24",
        "wells = many",
        "this is not TOML",
        "Texts stand in quotes",
        where="loop/campaign.toml, row ",
    ),
    config("unknown learner by hand", '"forest"', '"forrest"', 'no learner "forrest". Did you mean "forest"?'),
    config("unknown score", 'score = ""', 'score = "luck"', 'no score "luck". Known: bald'),
    config("unknown batch", 'batch = ""', 'batch = "lcmdd"', 'no batch "lcmdd". Did you mean "lcmd"?'),
    config("a score of before", 'score = ""', 'score = "margin"', 'the score "margin" was removed: use "entropy"'),
    config("a batch of before", 'batch = ""', 'batch = "liar"', 'the batch "liar" was removed: use "power"'),
    config(
        "unknown option of a learner",
        "[select]",
        "options = {leaves = 3}\n[select]",
        'has no option "leaves"; it takes: trees',
    ),
    config(
        "option of the wrong type",
        "[select]",
        'options = {trees = "many"}\n[select]',
        'learner "forest": option "trees" is \'many\'; it must be a whole number from 1 on',
    ),
    config(
        "option out of range",
        "[select]",
        "options = {trees = 0}\n[select]",
        'option "trees" is 0; it must be a whole number from 1 on',
    ),
    config(
        "options that make no sense",
        "[select]",
        "options = {features = 2.0}\n[select]",
        'learner "forest" cannot be made',
        "features above 0 and at most 1",
    ),
    config(
        "option of a batch",
        'batch = ""',
        'batch = "power"\nbatch_options = {kind = "soft"}',
        "batch \"power\": option \"kind\" is 'soft'; it must be 'power'",
    ),
    config(
        "option of a score",
        'score = ""',
        'score = "ucb"\nscore_options = {beta = -1.0}',
        'option "beta" is -1.0; it must be a number from 0 on',
    ),
    config("a number in quotes", "seed = 5", 'seed = "5"', '"seed" is "5"; it must be a whole number'),
    config("a negative number", "controls = 2", "controls = -2", '"plate.controls" is -2'),
    config(
        "a number for a text",
        'wild_type = "MKTAYIAKQR"',
        "wild_type = 12",
        '"pool.wild_type" is 12; it must be a text in quotes',
    ),
    config(
        "a text for yes or no", "singles = true", 'singles = "yes"', '"pool.singles" is "yes"; it must be true or false'
    ),
    config("NaN as a limit", "[[assays]]", "[[assays]]\nlower = nan", '"assays[1].lower" is nan'),
    config("unknown goal", 'goal = "find"', 'goal = "win"', "it must be 'find' or 'learn'"),
    config("unknown key", "wells = 24", "wels = 24", 'no key "plate.wels"; did you mean "wells"?'),
    config("key missing", 'name = "kcat"', "", '"assays[1].name" is missing: add it'),
    config("newer format", "format = 1", "format = 9", "newer ActiveLoop", "upgrade"),
    config("wild type changed to what is none", "MKTAYIAKQR", "MKT?", '[pool]: the wild type has "?"'),
    config(
        "table not there",
        "singles = true",
        'table = "gone.csv"',
        "there is no file",
        "put it there or correct its name",
    ),
    config(
        "controls do not fit",
        "controls = 2",
        "controls = 24",
        "1 candidate + 24 controls need 25 wells",
        "[plate] in loop/campaign.toml",
        where="",
    ),
    Case(
        "not UTF-8",
        "status loop",
        "loop/campaign.toml: ",
        ("save it as plain text in UTF-8",),
        damage=lambda: overwrite("loop/campaign.toml", "seed = 1 # µ".encode("latin-1")),
    ),
    Case(
        "empty config",
        "status loop",
        "loop/campaign.toml: ",
        ('"pool" is missing: add it',),
        damage=lambda: overwrite("loop/campaign.toml", b""),
    ),
]

STORE = [
    Case(
        "database locked against writing",
        "record loop r.csv",
        "loop/campaign.db ",
        ("is locked by another program: close it", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        during=lambda: locked("IMMEDIATE"),
    ),
    Case(
        "database locked altogether",
        "propose loop --another",
        "loop/campaign.db ",
        ("is locked by another program: close it",),
        status=1,
        during=lambda: locked("EXCLUSIVE"),
    ),
    Case(
        "disk full while results come in",
        "record loop big.csv",
        "loop/campaign.db ",
        ("the disk is full", "make room", "Nothing was written"),
        {"big.csv": BIG},
        status=1,
        during=lambda: full_disk(40_000),
    ),
    Case(
        "disk full while a model is kept",
        "fit loop --again",
        "loop/artifacts ",
        ("the disk may be full",),
        start="measured",
        status=1,
        during=lambda: full_disk(33_000),
    ),
    Case(
        "no database any more",
        "record loop r.csv",
        "loop has lost its campaign.db",
        ("restore it from a backup", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        damage=lambda: Path("loop/campaign.db").unlink(),
    ),
    Case(
        "database damaged",
        "record loop r.csv",
        "loop/campaign.db ",
        ("restore it from a backup", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        damage=lambda: overwrite("loop/campaign.db", b"no database" * 999),
    ),
    Case(
        "database of a newer release",
        "status loop",
        "loop/campaign.db ",
        ("newer ActiveLoop", "pip install --upgrade", "Nothing was changed"),
        status=1,
        damage=lambda: sql("UPDATE alembic_version SET version_num = '9999'"),
    ),
    Case(
        "event damaged",
        "propose loop --another",
        "loop/campaign.db ",
        ("is damaged", "restore it from a backup"),
        status=1,
        damage=lambda: sql("UPDATE events SET payload = '{\"picks'"),
    ),
    Case(
        "event lost",
        "record loop r.csv",
        "loop/campaign.db ",
        ("lacks event 1: restore it from a backup",),
        {"r.csv": FINE},
        "measured",
        1,
        damage=lambda: sql("DELETE FROM events WHERE sequence = 1"),
    ),
    Case("model lost", "predict loop", "", ("fit again",), start="measured", status=1, damage=lose_the_model),
]

OPTIONS = [
    Case("no such campaign", "propose nowhere", "nowhere is not a folder", ("activeloop new nowhere",)),
    Case("folder without a campaign", "status .", ". has no campaign.toml", ("activeloop new",)),
    Case("no candidates", "propose loop -n 0 --another", "", ("give at least 1",)),
    Case("no such plate", "propose loop --another --plate 97", "", ("no 97-well plate. Use one of 6, 12",)),
    Case(
        "no room beside the controls",
        "propose loop --another --controls 24",
        "",
        ("1 candidate + 24 controls need 25 wells", "Change the options"),
    ),
    Case(
        "negative controls", "propose loop --another --controls -1", "", ("-1 controls: the number cannot be negative",)
    ),
    Case("no replicates", "propose loop --another --replicates 0", "", ("at least 1",)),
    Case(
        "more replicates than wells",
        "propose loop --another --replicates 99",
        "",
        ("x 99 replicates", "Use 384 wells, fewer replicates"),
    ),
    Case(
        "negative seed of a proposal",
        "propose loop --another --seed -1",
        "",
        ("seed -1", "from 0 on. Nothing was proposed"),
    ),
    Case(
        "plate as PDF",
        "propose loop --another --out p.pdf",
        "p.pdf: ",
        ("ends in .csv, .xlsx, .svg", "Nothing was proposed"),
    ),
    Case(
        "plate where a folder is",
        "propose loop --another --out d.csv",
        "d.csv: ",
        ("this is a folder", "Nothing was proposed"),
        {"d.csv": None},
    ),
    Case(
        "no folder of plates",
        "propose loop",
        "loop/plates is no folder",
        ("make it a folder", "Nothing was proposed"),
        status=1,
        damage=no_plates,
    ),
    Case(
        "plate into no folder",
        "propose loop --another --out gone/p.csv",
        "gone/p.csv: ",
        ("make it first", "Nothing was proposed"),
    ),
    Case("pin of the wrong wild type", "pin loop A2R", "", ("has K at position 2, not A",)),
    Case("pin of what is on a plate", "pin loop @held", "", ("is on a plate already", "Nothing was changed")),
    Case("veto of two notations", "veto loop K2R K2R:T3S", "", ("K2R:T3S", "not in the pool")),
    Case("event without results", "void loop 1", "", ("event 1 holds no results", "Nothing was voided")),
    Case(
        "row without a result",
        "void loop 3 --row 99",
        "",
        ("no result from row 99", "Nothing was voided"),
        start="measured",
    ),
    Case(
        "plate of no proposal",
        "plate loop --proposal 4",
        "",
        ("there is no plate of proposal 4 (1 were made)",),
        status=1,
    ),
    Case(
        "plate exported as PDF",
        "plate loop --out p.pdf",
        "p.pdf: ",
        ("Use .csv or .xlsx (lists) or .svg (picture)", "Nothing was written"),
    ),
    Case("worth of nothing", "worth loop", "", ("nothing was measured yet",), status=1),
    Case("fit of nothing", "fit loop", "", ("nothing was measured yet: record results first",), status=1),
    Case("no model yet", "predict loop", "", ("there is no model yet: record results and fit first",), status=1),
    Case(
        "prediction of what is not in the pool",
        "predict loop c.csv",
        "c.csv, row 3: ",
        ("has K at position 2, not A", "Check the numbering"),
        {"c.csv": lines("mutant", "K2R", "A2R")},
        "measured",
    ),
    Case(
        "predictions into no folder",
        "predict loop --out gone/p.csv",
        "gone/p.csv",
        ("cannot be written",),
        start="measured",
        status=1,
    ),
    Case("verb that is none", "recrod loop r.csv", "", ('no command "recrod". Did you mean "record"?', "--help")),
    Case("option that is none", "propose loop --nmuber 3", "", ('no option --nmuber. Did you mean "--number"?',)),
]

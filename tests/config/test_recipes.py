"""campaign.toml: written and read again, and each mistake named with its key and fix."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.acquisition import TopK, UpperConfidenceBound
from activeloop.candidates import Compound, Guide, Pool, Sequence
from activeloop.config import (
    BATCHES,
    SCORES,
    AssayConfig,
    CampaignConfig,
    LearnerConfig,
    PlateConfig,
    PoolConfig,
    SelectConfig,
    assays_of,
    config_text,
    learner_of,
    learners,
    open_campaign,
    parse_config,
    pool_of,
    read_config,
    recommender_of,
)
from activeloop.config.building import hits_of
from activeloop.errors import ConfigError, InputError, PoolError, StoreError
from activeloop.measurements import Assay
from activeloop.models import GPClassifier, MutationGP, RandomForest
from activeloop.store import CampaignFolder

ASSAYS = (Assay("kcat"),)
POOL = Pool.single_mutants("MKTAYI")

GOOD = """
goal = "find"
seed = 3
[pool]
wild_type = "MKTAYI"
singles = true
[[assays]]
name = "kcat"
unit = "1/s"
"""

words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)
names = words.filter(str.strip)
options = st.dictionaries(
    words, st.one_of(st.booleans(), st.integers(-9, 9), words, st.lists(st.integers(0, 9), max_size=2))
)
floats = st.none() | st.floats(allow_nan=False, allow_infinity=False)
configs = st.builds(
    CampaignConfig,
    goal=st.sampled_from(["find", "learn"]),
    seed=st.integers(0, 2**40),
    pool=st.one_of(
        st.builds(PoolConfig, singles=st.just(True), wild_type=words, positions=st.sampled_from(["", "2-4, 6"])),
        st.builds(PoolConfig, sites=st.lists(words, min_size=1), max_mutations=st.none() | st.integers(1, 5)),
        st.builds(PoolConfig, table=words, kind=st.sampled_from(["variants", "compounds"]), offset=st.integers(-5, 5)),
        st.builds(
            PoolConfig,
            kind=st.just("treatments"),
            cells=words | st.lists(words, min_size=1),
            compounds=words | st.lists(words, min_size=1),
            doses=st.lists(words, max_size=2),
            pairs=st.booleans(),
            panels=st.lists(words, max_size=2),
        ),
    ),
    assays=st.lists(
        st.builds(AssayConfig, name=names, unit=words, lower=floats, hit=floats), min_size=1, unique_by=lambda a: a.name
    ),
    learner=st.builds(LearnerConfig, name=words, options=options, history=st.just("") | words),
    select=st.builds(SelectConfig, score=words, score_options=options, batch=words, batch_options=options),
    plate=st.builds(
        PlateConfig,
        wells=st.sampled_from([96, 384]),
        control=st.sampled_from(["WT", "wild type", "DMSO, 1 %"]),
        price_per_well=st.floats(0, 1e9),
    ),
)


@given(configs)
def test_what_is_written_reads_as_it_was(config):
    assert parse_config(config_text(config), "campaign.toml") == config


def test_a_short_recipe_has_sensible_defaults():
    config = parse_config(GOOD, "campaign.toml")
    assert (config.seed, config.learner.name, config.plate.wells, config.plate.controls) == (3, "default", 96, 8)
    (assay,) = assays_of(config)
    assert (assay.name, assay.unit, assay.goal, assay.lower) == ("kcat", "1/s", "maximise", None)
    assert len(pool_of(config.pool, Path())) == 6 * 19
    assert hits_of(config) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", "seed = three", r"campaign.toml, row 3: this is not TOML"),
        ("seed = 3", 'seed = "3"', r'"seed" is "3"; it must be a whole number'),
        ("seed = 3", "seed = -1", r'"seed" is -1; it must be at least 0'),
        ("seed = 3", "sead = 3", r'there is no key "sead"; did you mean "seed"\?'),
        ("seed = 3", "format = 9", "format 9 was written by a newer ActiveLoop"),
        ('goal = "find"', 'goal = "explore"', r"\"goal\" is \"explore\"; it must be 'find' or 'learn'"),
        ('name = "kcat"', "", r'"assays\[1\].name" is missing: add it'),
        ('name = "kcat"', 'name = ""', r'"assays\[1\].name" is ""; it must not be empty'),
        (
            'name = "kcat"',
            'name = "kcat"\ngaol = "minimise"',
            r'there is no key "assays\[1\].gaol"; did you mean "goal"',
        ),
        ('name = "kcat"', 'name = "kcat"\ngoal = "best"', r"it must be 'maximise', 'minimise' or 'classify'"),
        ('name = "kcat"', 'name = "kcat"\nlower = nan', r'"assays\[1\].lower" is nan'),
        ('unit = "1/s"', '[[assays]]\nname = "kcat"', 'assay "kcat" is there twice'),
        ("singles = true", "", "exactly one of singles, sites, table, fasta, cells .here: none of them"),
        ("singles = true", 'singles = true\nsites = ["K2"]', "here: singles and sites"),
        ("singles = true", 'singles = true\nkind = "compounds"', "singles makes variants"),
        ("singles = true", 'singles = true\npositions = "2 to 4"', 'write it like "20-60, 75"'),
        ("singles = true", 'table = "x.csv"\nexclude_residues = "C"', "rules hold for singles and sites"),
        ("singles = true", 'sites = ["K2"]\npositions = "2-4"', "positions belongs to singles"),
        ('wild_type = "MKTAYI"', "", "singles needs wild_type"),
        ("[[assays]]", "[plate]\nwells = 97\n[[assays]]", r'"plate.wells" is 97; it must be 6, 12, 24'),
        ("[[assays]]", "[plate]\nedges = true\n[[assays]]", r'there is no key "plate.edges"'),
        ("[[assays]]", "[wonder]\n[[assays]]", r'there is no key "wonder". Known here: format, goal, seed'),
    ],
)
def test_each_mistake_names_file_key_and_fix(old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigError, match=message) as error:
        parse_config(GOOD.replace(old, new, 1), "campaign.toml")
    assert str(error.value).startswith("campaign.toml")
    assert "\n" not in str(error.value)


def test_an_empty_file_and_one_without_assays():
    with pytest.raises(ConfigError, match='"pool" is missing'):
        parse_config("", "campaign.toml")
    with pytest.raises(ConfigError, match='"assays" is missing'):
        parse_config("[pool]\nsingles = true\nwild_type = 'MK'", "campaign.toml")


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "campaign.toml"
    with pytest.raises(StoreError, match="cannot be read"):
        read_config(path)
    path.write_bytes("seed = 1 # µ".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_config(path)


def test_pools_of_every_form(tmp_path):
    (tmp_path / "pool.csv").write_text("mutant\nK2R\nT3S\n")
    (tmp_path / "pool.fasta").write_text(">a\nMKTAYI\n>b\nMRTAYI\n")
    sizes = {
        'wild_type = "MKTAYI"\nsingles = true\npositions = "2-3, 5"': 57,
        'wild_type = "MKTAYI"\nsites = ["K2=KR", "T3"]': 40,
        'wild_type = "MKTAYI"\ntable = "pool.csv"': 2,
        'fasta = "pool.fasta"': 2,
    }
    for text, size in sizes.items():
        config = parse_config(f"[pool]\n{text}\n[[assays]]\nname = 'x'", "campaign.toml")
        assert len(pool_of(config.pool, tmp_path)) == size


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('wild_type = "MKTAYI"\nsingles = true\npositions = "2-999999999"', ConfigError, "position 7 is outside"),
        ('table = "gone.csv"', ConfigError, r"campaign.toml: \[pool\]: there is no file"),
        ('fasta = "gone.fasta"', ConfigError, "there is no file"),
        ('wild_type = "MKTAYI"\nsites = ["K3"]', ConfigError, r"campaign.toml: \[pool\]: "),
        ('wild_type = "MKTAYI"\nsingles = true\npositions = "3-12"', ConfigError, "position 7 is outside"),
        ('wild_type = "MK1"\nsingles = true', InputError, 'the wild type has "1"'),
        ('table = "bad.csv"\nwild_type = "MKTAYI"', InputError, r"bad.csv, row 3"),
    ],
)
def test_pools_that_cannot_be_made(tmp_path, text, error, message):
    (tmp_path / "bad.csv").write_text("mutant\nK2R\nW2R\n")
    config = parse_config(f"[pool]\n{text}\n[[assays]]\nname = 'x'", "campaign.toml")
    with pytest.raises(error, match=message):
        pool_of(config.pool, tmp_path, "campaign.toml")


def test_every_learner_has_a_name_and_can_be_made():
    designs = {"variants": Sequence("FWAA"), "compounds": Compound("CCO"), "guides": Guide("ACGTACGTACGTACGTACGT")}
    for kind, design in designs.items():
        pool = Pool.of([design])
        assert pool.kind == kind
        for name in learners(pool, ASSAYS):
            assert learner_of(LearnerConfig(name=name), pool, ASSAYS).name


def test_the_default_follows_what_is_measured():
    classes = (Assay("alive", goal="classify"),)
    assert isinstance(learner_of(LearnerConfig(), POOL, ASSAYS), MutationGP)
    assert isinstance(learner_of(LearnerConfig(), POOL, classes), GPClassifier)


def test_options_reach_the_learner_and_unknown_ones_are_named():
    assert learner_of(LearnerConfig(name="forest", options={"trees": 7}), POOL, ASSAYS) == RandomForest(trees=7)
    with pytest.raises(ConfigError, match='learner "forest" has no option "leaves"; it takes: trees, features'):
        learner_of(LearnerConfig(name="forest", options={"leaves": 7}), POOL, ASSAYS, "campaign.toml")
    with pytest.raises(ConfigError, match=r'campaign.toml: there is no learner "forrest". Did you mean "forest"\?'):
        learner_of(LearnerConfig(name="forrest"), POOL, ASSAYS, "campaign.toml")


def test_selections_by_name():
    (assay,) = assays_of(parse_config(GOOD, ""))
    for name in SCORES:
        assert recommender_of(SelectConfig(score=name), "find", (assay,), POOL).score.name
    for name in BATCHES:
        assert recommender_of(SelectConfig(batch=name), "find", (assay,), POOL).batch.name
    chosen = recommender_of(SelectConfig(score="ucb", score_options={"beta": 2.5}, batch="top"), "find", (assay,), POOL)
    assert (chosen.score, chosen.batch) == (UpperConfidenceBound(2.5), TopK())
    with pytest.raises(ConfigError, match='there is no score "luck"'):
        recommender_of(SelectConfig(score="luck"), "find", (assay,), POOL)
    with pytest.raises(ConfigError, match=r'batch "power": option "coldness" is -1\.0; it must be a number from 0 on'):
        recommender_of(SelectConfig(batch="power", batch_options={"coldness": -1.0}), "find", (assay,), POOL)


def test_hits_are_stated_for_each_assay():
    config = parse_config(GOOD + "hit = 2.5\n[[assays]]\nname = 'Tm'\n", "")
    hits = hits_of(config)
    assert hits[0] == 2.5
    assert math.isnan(hits[1])


def test_a_folder_is_opened_as_the_campaign_it_describes(tmp_path):
    CampaignFolder.create(tmp_path / "x", GOOD + "\n[plate]\nprice_per_well = 1.5\n")
    opened = open_campaign(tmp_path / "x")
    assert (opened.campaign.seed, opened.campaign.price, len(opened.campaign.pool)) == (3, 1.5, 114)
    (tmp_path / "x" / "campaign.toml").write_text(GOOD.replace("MKTAYI", "MKTAY?"))
    with pytest.raises(InputError, match=r'campaign.toml: \[pool\]: the wild type has "\?"'):
        open_campaign(tmp_path / "x")


def test_rules_are_applied():
    text = GOOD.replace("singles = true", 'singles = true\nexclude_residues = "CM"\nforbidden_motifs = ["NxS"]')
    pool = pool_of(parse_config(text, "").pool, Path())
    assert not [name for name in pool.names(range(len(pool))) if name.endswith(("C", "M"))]
    with pytest.raises(PoolError, match="is not a motif"):
        pool_of(parse_config(text.replace("NxS", "N?S"), "").pool, Path())


NESTED = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", f"seed = {'9' * 5000}", 'campaign.toml, row 3: "seed" has thousands of digits'),
        ("seed = 3", f"seed = {'9' * 400}", r'"seed" is 9{60}\.\.\.; it must be below 9223372036854775808'),
        ("seed = 3", "seed = 2020-01-01", '"seed" is 2020-01-01; it must be a whole number'),
        ("seed = 3", "seed = true", '"seed" is true; it must be a whole number'),
        ("seed = 3", f"seed = {NESTED}", '"seed": lists or tables stand in each other too deeply'),
        ("seed = 3", f"x = {'{a=' * 3000}1{'}' * 3000}", '"x": lists or tables stand in each other too deeply'),
        ("singles = true", 'singles = true\npositions = "1-99999999999"', 'write it like "20-60, 75"'),
        ("singles = true", 'singles = "yes"', '"pool.singles" is "yes"; it must be true or false'),
        ("singles = true", "sites = [1]", r'"pool.sites\[1\]" is 1; it must be a text in quotes'),
        ("[pool]", "[[pool]]", r'"pool" is written wrongly; begin it with \[pool\]'),
        ("[[assays]]", "[assays]", r'"assays" is written wrongly; begin it with \[\[assays\]\]'),
        ('name = "kcat"', 'name = "k\\u001b[31m"', r'"assays\[1\].name": has signs that no table can hold'),
        ('name = "kcat"', 'name = "k\\ncat"', "such as a line break: leave them out"),
        ('name = "kcat"', 'name = "  "', r'"assays\[1\].name" is "  "; it must not be empty'),
        ('name = "kcat"', f'name = "{"k" * 1000}"', "it must be a text of at most 200 letters"),
        ('name = "kcat"', f'name = "kcat"\nlower = {"9" * 400}', "it must be a smaller number"),
        ('name = "kcat"', 'name = "kcat"\nhit = "9"', r'"assays\[1\].hit" is "9"; it must be a number'),
        ('name = "kcat"', 'name = "kcat"\nbounds = [1, 2, 3]', "it must be a list of at most 2"),
        ("[[assays]]", "[plate]\ncontrols = 99999\n[[assays]]", '"plate.controls" is 99999; it must be at most 1536'),
        ("[[assays]]", "[learner.options]\na = {b = 1}\n[[assays]]", '"learner.options.a" is a table; it must be true'),
        ("[[assays]]", "[student.training]\na = [1, 'x']\n[[assays]]", '"student.training.a" is .1, "x".; it must be'),
    ],
)
def test_extremes_are_a_sentence_with_the_key(old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigError, match=message) as error:
        parse_config(GOOD.replace(old, new, 1), "campaign.toml")
    said = str(error.value)
    assert len(said) < 300
    assert not [word for word in ("Input should", "valid", "dictionary", "None", "True", "datetime") if word in said]


def test_a_byte_order_mark_is_accepted_and_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "campaign.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_config(path) == parse_config(GOOD, "")
    with path.open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(ConfigError, match="100,000,000,000 bytes, too many"):
        read_config(path)


toml = st.recursive(
    st.sampled_from(["1", "-1", "0", "1.5", "nan", "inf", "true", '"x"', '""', "9" * 30, "[]", "{}", "1979-05-27"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=5,
)


@given(st.sampled_from(config_text(parse_config(GOOD, "")).splitlines()), toml)
def test_any_value_of_any_key_is_taken_or_refused_in_words(line, value):
    text = config_text(parse_config(GOOD, ""))
    key, equals, _ = line.partition(" = ")
    try:
        parse_config(text.replace(line, f"{key} = {value}" if equals else line, 1), "campaign.toml")
    except ConfigError as error:
        found = [word for word in ("Input should", "valid ", "type=", "pydantic") if word in str(error)]
    else:
        found = []
    assert not found

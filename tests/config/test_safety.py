"""What a config of a user of a service may name: its own files and the allowed models, and nothing else."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.config import Store, check_config, open_folder
from activeloop.config.safety import check_safe, name_problem
from activeloop.errors import ConfigError, InputError
from activeloop.store import CampaignFolder

ASSAYS = {"assays": [{"name": "kcat"}]}
SINGLES = {"pool": {"wild_type": "MKTAYIAKQR", "singles": True}} | ASSAYS
TABLE = b"mutant\nK2R\nT3S\n"
PATHS = [
    "/etc/passwd",
    "../pool.csv",
    "..",
    ".",
    "~/pool.csv",
    "~root",
    "sub/pool.csv",
    "sub\\pool.csv",
    "C:\\pool.csv",
    "C:pool.csv",
    "\\\\host\\share\\pool.csv",
    "file:///etc/passwd",
    "http://127.0.0.1/pool.csv",
    "s3://bucket/pool.csv",
    "pool.csv\x00.txt",
    "pool\n.csv",
    ".ssh",
    "pool.csv ",
    "pool.",
    "NUL",
    "com1.csv",
    "campaign.toml",
    "Campaign.DB",
    "plates",
    "p" * 250 + ".csv",
    "é" * 150,
]


def config(**parts) -> dict:
    return SINGLES | parts


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["table", "fasta", "family", "tables"])
def test_no_path_is_taken_for_a_file_of_the_campaign(path, key):
    pool = {"wild_type": "MKTAYIAKQR", key: path} if key in ("table", "fasta") else SINGLES["pool"]
    learner = {"family": {"family": path}, "tables": {"name": "plm-prior", "options": {"tables": path}}}.get(key, {})
    with pytest.raises(
        ConfigError, match=r"^\"(pool|learner)[a-z.]*\" is .*(is a path|no file can|longer|signs|a name)"
    ):
        check_safe(check_config(config(pool=pool, learner=learner), None), {path})


@given(st.text(max_size=40))
def test_a_name_that_is_allowed_stays_in_its_folder(name):
    if not name_problem(name):
        base = Path("/work")
        assert Path(os.path.normpath(base / name)).parent == base
        assert (base / name).name == name


@pytest.mark.parametrize(
    "name", ["pool.csv", "Platte 1 (neu).xlsx", "2026-11-30_library.tsv", "プール.csv", "a..b.csv", "-dash.csv"]
)
def test_the_names_people_give_are_taken(name):
    pool = {"wild_type": "MKTAYIAKQR", "table": name}
    check_safe(check_config(config(pool=pool), None), {name})


@pytest.mark.parametrize("wild_type", ["/etc/passwd", "./wt.fasta", "wt.fa", "..", "~", "C:\\wt", "http://host/wt"])
def test_a_wild_type_is_a_sequence(wild_type):
    pool = {"wild_type": wild_type, "sites": ["K2"]}
    with pytest.raises(ConfigError, match=r"\"pool.wild_type\" is .*: write the sequence itself"):
        check_safe(check_config(config(pool=pool), None), ())


@pytest.mark.parametrize("name", ["plm-prior", "embedding-gp", "fine-tuned", "stacking", "likelihood"])
@pytest.mark.parametrize("model", ["facebook/esm2_t6_8M_UR50D", "/etc", "../model", "model", "http://host/model"])
def test_only_allowed_models_are_named(name, model):
    learner = {"name": name, "options": {"model": model}}
    with pytest.raises(ConfigError, match=r'"learner.options.model" is .*not among the models of this service'):
        check_safe(check_config(config(learner=learner), None), {})
    check_safe(check_config(config(learner=learner), None), {}, [model])
    check_safe(check_config(config(learner={"name": name, "options": {"model": "activeloop/small"}}), None), {})


def test_a_revision_is_allowed_with_its_model():
    options = {"model": "lab/esm", "revision": "refs/pr/7"}
    asked = check_config(config(learner={"name": "plm-prior", "options": options}), None)
    for allowed in ([], ["lab/esm@abc"], ["other/esm@refs/pr/7", "lab/esm"]):
        with pytest.raises(ConfigError, match="service"):
            check_safe(asked, (), allowed)
    check_safe(asked, (), ["lab/esm@refs/pr/7"])


@pytest.mark.parametrize("value", ["/tmp/x", "x.csv", "a b", "../x", ["ok", "/x"]])
@pytest.mark.parametrize("part", ["learner.options", "select.score_options", "student.options", "student.training"])
def test_no_other_option_is_a_path(value, part):
    table, key = part.split(".")
    with pytest.raises(ConfigError, match=rf'"{part}.thing" is .* neither a file nor an address'):
        check_safe(check_config(config(**{table: {key: {"thing": value}}}), None), ())


def test_files_that_are_not_named_or_not_there_are_refused():
    pool = {"wild_type": "MKTAYIAKQR", "table": "pool.csv"}
    for inputs, words in (
        ({"Pool.csv"}, r"no such file came with it. Did you mean \"Pool.csv\"\?"),
        ({"pool.csv", "notes.txt"}, r"\"notes.txt\" is named nowhere"),
        ({"pool.csv", "../x"}, r"cannot be called \"../x\""),
    ):
        with pytest.raises(ConfigError, match=words):
            check_safe(check_config(config(pool=pool), None), inputs)


def test_a_file_beside_the_server_is_no_wild_type(tmp_path, monkeypatch):
    (tmp_path / "MKTAYIAKQR").write_text(">secret\nWWWW\n")
    monkeypatch.chdir(tmp_path)
    store = Store.open(tmp_path / "store")
    text = '[pool]\nwild_type = "MKTAYIAKQR"\nsites = ["K2=RA"]\n[[assays]]\nname = "kcat"\n'
    pool = open_folder(store.folder(store.create("kinase", text))).campaign.pool
    assert sorted(pool.names(range(len(pool)))) == ["K2A", "K2R"]


def test_a_link_in_a_working_folder_is_replaced(tmp_path):
    (tmp_path / "secret.csv").write_bytes(b"mutant\nQ9E\n")
    store = Store.open(tmp_path / "store")
    text = '[pool]\nwild_type = "MKTAYIAKQR"\ntable = "pool.csv"\n[[assays]]\nname = "kcat"\n'
    key = store.create("kinase", text, {"pool.csv": TABLE})
    path = store.folder(key).path / "pool.csv"
    path.unlink()
    path.symlink_to(tmp_path / "secret.csv")
    pool = open_folder(store.folder(key)).campaign.pool
    assert sorted(pool.names(range(len(pool)))) == ["K2R", "T3S"]
    assert not path.is_symlink()
    assert (tmp_path / "secret.csv").read_bytes() == b"mutant\nQ9E\n"


def test_a_service_refuses_and_a_command_line_does_not(tmp_path):
    (tmp_path / "pool.csv").write_bytes(TABLE)
    text = f'[pool]\nwild_type = "MKTAYIAKQR"\ntable = "{tmp_path}/pool.csv"\n[[assays]]\nname = "kcat"\n'
    store = Store.open(tmp_path / "store")
    with pytest.raises(ConfigError, match=r'^campaign.toml: "pool.table" is ".*pool.csv": it is a path'):
        store.create("kinase", text)
    key = store.create("kinase", text.replace(f"{tmp_path}/", ""), {"pool.csv": TABLE})
    with pytest.raises(ConfigError, match="it is a path"):
        store.configure(key, text)
    assert len(open_folder(CampaignFolder.create(tmp_path / "kinase", text)).campaign.pool) == 2


def test_what_would_fill_the_memory_is_refused(tmp_path):
    store = Store.open(tmp_path / "store")
    text = '[pool]\nwild_type = "MKTAYIAKQR"\ntable = "pool.csv.gz"\n[[assays]]\nname = "kcat"\n'
    part = gzip.compress(b"mutant\n" + b"K2R,\n" * 20_000_000)
    assert len(part) < 500_000
    with pytest.raises(InputError, match=r"pool.csv.gz: unpacked it has more than 256 MiB"):
        store.create("kinase", text, {"pool.csv.gz": part * 3})  # in several parts, as of files put together
    assert store.create("kinase", text, {"pool.csv.gz": gzip.compress(TABLE)})
    with pytest.raises(ConfigError, match="more than any protein has"):
        store.create("kinase", text.replace("MKTAYIAKQR", "MK" * 30_000), {"pool.csv.gz": TABLE})
    with pytest.raises(ConfigError, match=r"too many for a campaign.toml"):
        store.create("kinase", "#" * 300_000)


def test_a_mark_at_the_beginning_of_the_text_is_no_mistake(tmp_path):
    store = Store.open(tmp_path / "store")
    text = '\ufeff[pool]\nwild_type = "MKTAYIAKQR"\nsingles = true\n[[assays]]\nname = "kcat"\n'
    assert store.create("kinase", text)


def test_a_draft_is_checked_as_a_campaign_and_leaves_nothing(tmp_path):
    store = Store.open(tmp_path / "store")
    text = '[pool]\nwild_type = "MKTAYIAKQR"\ntable = "pool.csv"\n[[assays]]\nname = "kcat"\n'
    with store.draft(text, {"pool.csv": TABLE}) as loop:
        assert len(loop.campaign.propose(1).picks) == 1
    for inputs, words in (
        ({"../pool.csv": TABLE}, "no such file"),
        ({"pool.csv": b"mutant\nZ9\n"}, "^pool.csv, row 2"),
    ):
        with pytest.raises(InputError, match=words), store.draft(text, inputs):
            pass
    with pytest.raises(ConfigError, match="is a path"), store.draft(text.replace("pool.csv", "/etc/passwd")):
        pass
    assert store.campaigns() == ()
    assert list(store.work.iterdir()) == []


@pytest.mark.parametrize("name", ["../pool.csv", "a/b.csv", "a\\b.csv", "/tmp/pool.csv", "..", "C:pool.csv"])
def test_no_folder_is_made_with_files_beside_it(tmp_path, name):
    with pytest.raises(InputError, match=r"is a path|is a name"):
        CampaignFolder.create(tmp_path / "kinase", "# config\n", {name: b""})
    assert list(tmp_path.iterdir()) == []

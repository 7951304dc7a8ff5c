"""Campaigns of a store on SQLite and PostgreSQL: made, opened, configured, and carried from and to folders."""

from __future__ import annotations

import gc
import os
import re
import shutil
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count, pairwise
from multiprocessing import Queue, get_context
from pathlib import Path

import numpy as np
import pytest

from activeloop.campaigns import Configured
from activeloop.config import OpenCampaign, Store, open_campaign, open_folder
from activeloop.desk.propose import PlateOptions, propose
from activeloop.desk.verify import verify
from activeloop.errors import ConfigError, InputError, StateError, StoreError
from activeloop.store import CampaignFolder, Database, SQLiteFile

GOLDEN = Path(__file__).parents[1] / "golden" / "campaigns"
CONFIG = """
seed = 3
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
unit = "1/s"
[learner]
name = "mutation-gp"
"""
LISTED = CONFIG.replace("singles = true", 'table = "pool.csv"')
TABLE = b"mutant\nK2R\nT3S\nA4G\nY5F\nI6V\nK8R\n"
RESULTS = {"mutant": ["K2R", "T3S", "A4G", "Y5F"], "kcat": [1.5, 0.4, 2.5, 0.9]}


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    where = database.path.parent if isinstance(database, SQLiteFile) else database.url  # type: ignore[attr-defined]
    found = Store.open(where, tmp_path / "artifacts", tmp_path / "work")
    yield found
    found.close()


def opened(store: Store, key: str, **who) -> OpenCampaign:
    return open_folder(store.folder(key, **who))


def rows(store: Store, key: str) -> list[dict]:
    return store.folder(key).log.rows()


def folder(path: Path, config: str = LISTED) -> Path:
    """A campaign's folder with one round of results, a version, and a proposal that is out."""
    made = CampaignFolder.create(path, config, {"pool.csv": TABLE} if "pool.csv" in config else {})
    loop = open_folder(made)
    loop.campaign.configure()
    loop.campaign.record(RESULTS)
    loop.campaign.propose(1)
    return path


def test_a_campaign_is_made_and_opened_on_another_machine(store, tmp_path):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE}, actor="ada", request="r-1")
    (listed,) = store.campaigns()
    assert (listed.key, listed.name, listed.last) == (key, "kinase", 1)
    loop = opened(store, key, actor="bob")
    loop.campaign.record(RESULTS)
    elsewhere = Store(store.database, store.objects, tmp_path / "other", store.where)
    again = opened(elsewhere, key)
    assert again.campaign.dataset().hash == loop.campaign.dataset().hash
    assert [(r.sequence, r.actor) for r in again.campaign.log] == [(1, "ada"), (2, "bob")]
    assert again.folder.name == "kinase"


def test_a_request_that_is_made_twice_makes_one_campaign(store):
    keys = {store.create("kinase", CONFIG, actor="ada", request="r-1") for _ in range(2)}
    keys |= {store.create("kinase", CONFIG, actor="ada") for _ in range(2)}
    assert len(keys) == len(store.campaigns()) == 3


def test_a_campaign_that_cannot_be_made_leaves_nothing(store):
    with pytest.raises(ConfigError, match=r"^campaign.toml: \[pool\]: .*outside"):
        store.create("kinase", CONFIG.replace("singles = true", 'singles = true\npositions = "9-99"'))
    with pytest.raises(InputError, match=r"^pool.csv, row 3: "):
        store.create("kinase", LISTED, {"pool.csv": b"mutant\nK2R\nQ3S\n"})
    with pytest.raises(InputError, match="needs a name"):
        store.create(" ", CONFIG)
    assert store.campaigns() == ()
    assert store.database.read("SELECT count(*) FROM artifacts") == [(0,)]


def test_a_campaign_that_is_not_there_is_named(store):
    for ask in (
        store.folder,
        store.campaign,
        lambda key: store.rename(key, "other"),
        lambda key: store.configure(key, CONFIG),
    ):
        with pytest.raises(InputError, match='holds no campaign "nothing"'):
            ask("nothing")


def test_a_working_folder_that_was_lost_or_spoiled_is_made_again(store):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    path = store.folder(key).path
    (path / "pool.csv").write_bytes(b"mutant\nK2R\n")
    (path / "campaign.toml").write_text("seed = 9\n")
    assert len(opened(store, key).campaign.pool) == 6
    shutil.rmtree(store.work)
    loop = opened(store, key)
    assert (loop.config.seed, len(loop.campaign.pool), loop.campaign.change()) == (3, 6, None)


def test_a_campaign_is_configured_anew(store):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    opened(store, key).campaign.record(RESULTS)
    change = store.configure(key, LISTED.replace("1/s", "1/min"), actor="ada", request="r-2")
    assert change is not None
    assert store.configure(key, LISTED, request="r-2") is None  # the same request once more
    loop = opened(store, key)
    assert [r.measurement.value for r in loop.campaign.state().results] == [90, 24, 150, 54]
    assert isinstance(list(loop.campaign.log)[-1].event, Configured)
    with pytest.raises(ConfigError, match="another pool"):
        store.configure(key, LISTED, {"pool.csv": TABLE + b"Q9E\n"})
    with pytest.raises(ConfigError, match="no such file came with it"):
        store.configure(key, LISTED.replace("pool.csv", "other.csv"))
    assert len(rows(store, key)) == 3


def test_who_opened_a_campaign_before_it_was_configured_anew_does_not_undo_that(store):
    key = store.create("kinase", CONFIG)
    before = opened(store, key)
    assert not before.campaign.outdated
    store.configure(key, CONFIG.replace("seed = 3", "seed = 4"))
    assert before.campaign.outdated
    with pytest.raises(StateError, match="configured anew meanwhile: open it again"):
        before.campaign.pin(["K2R"])
    opened(store, key).campaign.pin(["K2R"])
    assert opened(store, key).config.seed == 4


def test_messages_do_not_name_the_folders_of_a_service(store):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    loop = opened(store, key)
    with pytest.raises(InputError, match=r"or \[plate\] in campaign.toml"):
        propose(loop, plate=PlateOptions(wells=6, controls=6))
    (store.folder(key).path / "pool.csv").unlink()
    with pytest.raises(ConfigError, match=r'^campaign.toml: \[pool\]: there is no file "pool.csv"'):
        open_folder(loop.folder)


def test_a_name_is_changed(store):
    key = store.create("kinase", CONFIG)
    store.rename(key, "lipase")
    assert store.campaign(key).name == "lipase"


def test_models_in_a_bucket_are_read_on_another_machine(bucket, tmp_path):
    one = Store.open(tmp_path, f"{bucket}/{tmp_path.name}", tmp_path / "one")
    key = one.create("kinase", LISTED, {"pool.csv": TABLE})
    campaign = opened(one, key).campaign
    campaign.record(RESULTS)
    campaign.fit()
    other = opened(Store.open(tmp_path, f"{bucket}/{tmp_path.name}", tmp_path / "two"), key).campaign
    assert other.state().versions[0].artifact
    assert (other.predict(["I6V"]).mean == campaign.predict(["I6V"]).mean).all()
    assert not (tmp_path / "artifacts").exists()


def test_a_store_of_many_holds_none_of_them(store):
    keys = [store.create(f"campaign {i}", CONFIG) for i in range(5)]
    seen = [weakref.ref(opened(store, key).campaign) for key in keys]
    gc.collect()
    assert [one() for one in seen] == [None] * 5


def test_a_request_that_comes_twice_at_once_makes_one_campaign(store):
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(store.create, "kinase", LISTED, {"pool.csv": TABLE}, "ada", "r-1") for _ in range(4)]
        keys = {one.result() for one in found}
    assert [(c.key, c.last) for c in store.campaigns()] == [(keys.pop(), 1)]
    assert not keys


def test_a_lost_file_is_found(store):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    assert verify(store.folder(key)).problems == ()
    shutil.rmtree(store.objects.where)
    (problem,) = verify(store.folder(key)).problems
    assert re.match('campaign.toml: the file "pool.csv" .* is not in', problem)


def test_a_folder_of_a_former_configuration_goes_after_a_week(store):
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    former = store.folder(key).path
    store.configure(key, LISTED.replace("seed = 3", "seed = 4"))
    assert store.folder(key).path != former
    assert former.is_dir()
    os.utime(former, (0, 0))
    store.configure(key, LISTED.replace("seed = 3", "seed = 5"))
    assert len(opened(store, key).campaign.pool) == 6
    assert not former.exists()


# -- several at once --------------------------------------------------------------------------------------------------


def reopen(where: str | Path, folder: Path, key: str) -> int:
    """Open a campaign again and again until others have configured it a few times; how often it was opened."""
    store, seen = Store.open(where, folder / "artifacts", folder / "work"), list[int]()
    while sum(one != other for one, other in pairwise(seen)) < 4:
        loop = opened(store, key)
        assert len(loop.campaign.pool) == (6 if loop.config.seed == 3 else 2)  # table and config belong together
        seen.append(loop.config.seed)
    store.close()
    return len(seen)


@pytest.mark.slow
def test_processes_that_open_a_campaign_see_config_and_files_of_one_moment(store, tmp_path):
    other = LISTED.replace("seed = 3", "seed = 4")
    key = store.create("kinase", LISTED, {"pool.csv": TABLE})
    where = store.database.path.parent if isinstance(store.database, SQLiteFile) else store.database.url
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = [pool.submit(reopen, where, tmp_path, key) for _ in range(2)]
        while not all(one.done() for one in found):  # nobody waits for a lock that a stopped process may hold
            store.configure(key, other, {"pool.csv": b"mutant\nK2R\nT3S\n"})
            opened(store, key)
            store.configure(key, LISTED, {"pool.csv": TABLE})
            opened(store, key)
        assert all(one.result() > 4 for one in found)


def work(place: Path, source: Path, made: Queue) -> None:
    """Take a folder in, make a campaign and write folders until killed; what was said to be done goes into a queue."""
    store = Store.open(place, place / "artifacts", place / "work")
    made.put(("", ""))
    for number in count():
        key = store.import_folder(source, as_new=True)
        made.put(("imported", key))
        made.put(("made", store.create(f"campaign {number}", LISTED, {"pool.csv": TABLE})))
        made.put(("written", str(store.export_folder(key, place / f"out-{key}"))))


@pytest.mark.slow
def test_killed_at_any_moment_a_store_holds_whole_campaigns_alone(tmp_path):
    source, done = folder(tmp_path / "kinase"), list[tuple[str, str]]()
    events, context = open_campaign(source).folder.log.rows(), get_context("spawn")
    for moment in np.random.default_rng(5).uniform(0.0, 1.5, 4):
        made = context.Queue()
        process = context.Process(target=work, args=(tmp_path / "lab", source, made))
        process.start()
        made.get(timeout=120)
        time.sleep(moment)
        process.kill()
        process.join()
        while not made.empty():
            done.append(made.get())
    store = Store.open(tmp_path / "lab")
    there = {c.key: c for c in store.campaigns()}
    assert {key for what, key in done if what in ("imported", "made")} <= set(there)
    for key, one in there.items():
        assert verify(store.folder(key)).problems == ()
        assert one.last == 1 if one.name.startswith("campaign") else rows(store, key) == events
    outs = [path for path in (tmp_path / "lab").iterdir() if path.name.startswith("out-")]
    assert {path for what, path in done if what == "written"} <= set(map(str, outs))
    for path in outs:
        assert (open_campaign(path).folder.log.rows(), len(list((path / "plates").iterdir()))) == (events, 3)


# -- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_goes_in_and_comes_out_as_it_was(store, tmp_path):
    path = folder(tmp_path / "kinase")
    before = open_campaign(path)
    events = before.folder.log.rows()
    key = store.import_folder(path)
    assert key == before.folder.log.campaign
    assert (store.campaign(key).name, rows(store, key)) == ("kinase", events)
    out = store.export_folder(key, tmp_path / "out")
    after = open_campaign(out)
    assert (after.folder.log.rows(), after.folder.log.campaign, after.folder.log.verify()) == (events, key, ())
    answers = [loop.campaign for loop in (before, after, opened(store, key))]
    for campaign in answers:
        campaign.record({"mutant": ["I6V"], "kcat": [1.1]})
    assert len({repr(campaign.propose(1)) for campaign in answers}) == 1


@pytest.mark.parametrize("name", ["singles", "library", "guides", "two-assays"])
def test_a_folder_of_a_former_release_goes_in_and_comes_out(name, tmp_path):
    path = Path(shutil.copytree(GOLDEN / name, tmp_path / name))
    store = Store.open(tmp_path / "store")
    key = store.import_folder(path)
    out = open_campaign(store.export_folder(key, tmp_path / "out"))
    there, before = opened(store, key), open_campaign(path)
    assert before.folder.log.rows() == there.folder.log.rows()[: len(before.folder.log.rows())]
    assert there.folder.log.rows() == out.folder.log.rows()
    proposals = [loop.campaign.propose(3, another=True) for loop in (before, there, out)]
    assert len({repr(p.picks) for p in proposals}) == 1


@pytest.mark.filterwarnings("ignore::activeloop.renamed.RenamedWarning")  # the folder is of a former release
def test_students_and_models_go_along(tmp_path):
    path = Path(shutil.copytree(GOLDEN / "taught", tmp_path / "taught"))
    store = Store.open(tmp_path / "store")
    key = store.import_folder(path)
    out = open_campaign(store.export_folder(key, tmp_path / "out"))
    loops = [open_campaign(path), opened(store, key), out]
    assert all(loop.campaign.state().students for loop in loops)
    assert len({loop.campaign.student_file() for loop in loops}) == 1
    assert [verify(loop.folder).problems for loop in loops] == [(), (), ()]


def test_a_folder_whose_events_were_changed_is_refused(store, tmp_path):
    path = folder(tmp_path / "kinase")
    with SQLiteFile(path / "campaign.db").writing() as connection:
        connection.exec_driver_sql("UPDATE events SET payload = replace(payload, '2.5', '9.5') WHERE kind = 'measured'")
    with pytest.raises(StoreError, match=r"kinase: event \d was changed .*Nothing was imported"):
        store.import_folder(path)
    assert store.campaigns() == ()


def test_a_folder_that_lost_a_model_goes_in_without_it(store, tmp_path):
    path = folder(tmp_path / "kinase")
    shutil.rmtree(path / "artifacts")
    key = store.import_folder(path)
    assert [p.split(":")[0] for p in verify(store.folder(key)).problems] == ["version 1"]
    assert rows(store, key) == open_campaign(path).folder.log.rows()


def test_a_campaign_that_is_there_already_is_not_taken_in_again(store, tmp_path):
    path = folder(tmp_path / "kinase")
    key = store.import_folder(path)
    opened(store, key).campaign.pin(["I6V"])
    with pytest.raises(InputError, match=r'already as "kinase".*, which has gone on since by 1 event\. Go on with'):
        store.import_folder(path)
    ahead = store.export_folder(key, tmp_path / "ahead")
    with pytest.raises(InputError, match=", with the same events"):
        store.import_folder(ahead)
    open_campaign(ahead).campaign.pin(["T3S"])
    with pytest.raises(InputError, match=", but the folder has gone on since by 1 event"):
        store.import_folder(ahead)
    open_campaign(path).campaign.pin(["T3S"])
    with pytest.raises(InputError, match="each has gone on without the other"):
        store.import_folder(path)
    another = store.import_folder(path, as_new=True)
    assert rows(store, another) == open_campaign(path).folder.log.rows()
    with pytest.raises(InputError, match="is there already"):
        store.export_folder(key, path)
    assert len(rows(store, key)) == 5


def test_what_was_changed_in_a_folder_and_not_written_yet_is_taken_in(store, tmp_path):
    path = folder(tmp_path / "kinase")
    text = (path / "campaign.toml").read_text()
    (path / "campaign.toml").write_text(text.replace("seed = 3", "seed = 5"))
    key = store.import_folder(path, "other")
    assert (opened(store, key).config.seed, len(rows(store, key))) == (5, 5)
    assert len(open_campaign(path).folder.log.rows()) == 4


def test_a_folder_whose_pool_is_elsewhere_is_refused(store, tmp_path):
    (tmp_path / "pool.csv").write_bytes(TABLE)
    path = folder(tmp_path / "kinase")
    text = (path / "campaign.toml").read_text()
    (path / "campaign.toml").write_text(text.replace('"pool.csv"', f'"{tmp_path}/pool.csv"'))
    with pytest.raises(ConfigError, match="it is a path"):
        store.import_folder(path)
    assert store.campaigns() == ()

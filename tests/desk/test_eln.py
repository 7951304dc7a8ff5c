"""The file `.eln` of a campaign: the rules of the ELN consortium, RO-Crate 1.1 by its own library, what is in it."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from pathlib import Path

import pytest

from activeloop.cli import main
from activeloop.config import Store, open_campaign, open_folder
from activeloop.desk.eln import eln_file, notebook_entries
from activeloop.errors import InputError, StateError
from activeloop.store import CampaignFolder


@pytest.fixture(scope="module")
def archive(campaign, tmp_path_factory) -> Path:
    """A campaign of two rounds as a file."""
    path = tmp_path_factory.mktemp("eln") / "kcat run.eln"
    with pytest.raises(SystemExit) as ended:
        main(["export", str(campaign()), "--to", str(path)])
    assert not ended.value.code
    return path


def test_the_library_of_ro_crate_reads_it(archive, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rocrate.rocrate import ROCrate
    zipfile.ZipFile(archive).extractall(tmp_path)
    crate = ROCrate(tmp_path / archive.name)
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    assert crate.name == "kcat"
    parts = {part.id: part for part in crate.root_dataset["hasPart"] if part.type == "Dataset"}
    assert list(parts) == ["campaign/", "round-1/", "round-2/"]
    files = {file.id.removeprefix("campaign/") for file in parts["campaign/"]["hasPart"]}
    tables = {f"{name}.csv" for name in ("results", "predictions", "proposals", "plates", "versions", "events")}
    assert files == tables | {"report.html", "campaign.toml", "version-1.json"}
    assert [file.id for file in parts["round-2/"]["hasPart"]] == ["round-2/plate-2.csv", "round-2/plate-2.svg"]
    assert [one.id for one in parts["round-2/"]["mentions"]] == ["campaign/"]
    for entity in crate.get_entities():
        if entity.type == "File":
            content = (tmp_path / archive.name / entity.id).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), str(len(content))) == (entity["sha256"], entity["contentSize"])


def test_the_rules_of_the_eln_consortium_are_kept(archive):
    """One folder with the file's name; `version` and `sdPublisher`; each node once, with its name; keywords as text."""
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        graph = json.loads(file.read(f"{archive.name}/ro-crate-metadata.json"))["@graph"]
    assert {name.split("/")[0] for name in names} == {archive.name}
    nodes = {node["@id"]: node for node in graph}
    assert len(nodes) == len(graph)
    described = nodes["ro-crate-metadata.json"]
    assert (described["version"], nodes[described["sdPublisher"]["@id"]]["name"]) == ("1.0", "ActiveLoop")
    for node in graph:
        assert isinstance(node.get("keywords", ""), str)
        assert all(str(value).strip() for value in node.values()), node
        assert all(part["@id"] in nodes for key in ("hasPart", "mentions") for part in node.get(key, ()))
        assert "name" in node or node["@type"] == "CreativeWork"
    assert {f"{archive.name}/{key[2:]}" for key, node in nodes.items() if node["@type"] == "File"} == {
        name for name in names if not name.endswith("metadata.json")
    }


def test_the_same_campaign_has_the_same_identity_wherever_it_is(campaign, tmp_path):
    loop = open_campaign(campaign())
    ids = [one.id for one in notebook_entries(loop)]
    assert ids == [ids[0], f"{ids[0]}-1", f"{ids[0]}-2"]
    store = Store.open(tmp_path / "store")
    key = store.import_folder(campaign())
    assert [one.id for one in notebook_entries(open_folder(store.folder(key)), "other")] == ids


def test_a_list_with_an_odd_name_and_a_wrong_name_of_the_file(tmp_path, capsys):
    table = "smiles\nCCO\nCCN\nCCCl\n"
    config = '[pool]\nkind = "compounds"\ntable = "my list.csv"\n[[assays]]\nname = "IC50"\n'
    folder = CampaignFolder.create(tmp_path / "loop", config, {"my list.csv": table.encode()}).path
    loop = open_campaign(folder)
    with pytest.raises(StateError, match="nothing happened"):
        eln_file(loop)
    loop.campaign.pin(["CCO"])
    found = eln_file(loop, "a.eln")
    with zipfile.ZipFile(io.BytesIO(found.content)) as file:
        assert file.read("a.eln/campaign/my list.csv").decode() == table
        assert '"./campaign/my%20list.csv"' in file.read("a.eln/ro-crate-metadata.json").decode()
    assert eln_file(loop, "a.eln").content == found.content
    with pytest.raises(InputError, match=r"ends in \.eln"):
        eln_file(loop, "a.zip")
    for words in (["--to", str(tmp_path / "a.zip")], [], ["--to", "a.eln", "--out", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(["export", str(folder), *words])
        assert ended.value.code in (1, 2)
        assert "Nothing was written." in capsys.readouterr().err

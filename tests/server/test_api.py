"""The API over HTTP: a campaign from its making to its second plate, and what is refused."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from served import CONFIG, Server

from activeloop.server import computed


def names_on(server: Server, plate: str = "plate-1") -> list[str]:
    wells = server.get(f"plates/{plate}").json()["wells"]
    return [well["candidate"] for well in wells.values() if not well["control"]]


def test_a_campaign_from_its_making_to_its_second_plate(server):
    made = server.post("proposals", {"number": 8})
    assert made.status_code == 201, made.text
    first = made.json()
    assert [pick["rank"] for pick in first["picks"]] == list(range(1, 9))
    assert first["plates"] == ["plate-1"]
    assert server.post("proposals", {}).json()["again"]  # while it is out, it is that one
    assert sorted(names_on(server)) == sorted(pick["name"] for pick in first["picks"])

    text = server.get("plates/plate-1/file?as=csv")
    assert text.headers["content-disposition"] == 'attachment; filename="plate-1.csv"'
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert {row["candidate"] for row in rows if row["kind"] == "candidate"} == set(names_on(server))
    assert server.get("plates/plate-1/file").content[:2] == b"PK"
    assert server.get("plates/plate-1/file?as=svg").text.startswith("<svg")

    assert server.post("plates/plate-1/sent", {"to": "Bo"}).json()["event"]
    assert server.get("plates/plate-1").json()["sent"]
    done = {"device": "reader 3", "run": "17", "outcome": "done"}
    assert server.post("plates/plate-1/runs", done).json()["event"]
    assert server.post("plates/plate-1/runs", done).json()["event"] is None  # the same run is noted once

    values = [{"candidate": n, "assay": "activity", "value": 0.1 * i} for i, n in enumerate(names_on(server))]
    values[0]["value"] = None  # a failed well
    stored = server.post("results", {"measurements": values, "source": "reader 3, run 17"}).json()
    assert (stored["stored"], stored["failed"]) == (8, 1)
    assert server.get("results").json()["total"] == 8

    version = server.post("versions").json()
    assert (version["number"], version["current"]) == (1, True)
    page = server.get("candidates?sort=activity&limit=3").json()
    means = [one["predictions"][0]["mean"] for one in page["candidates"]]
    assert means == sorted(means, reverse=True)
    assert page["version"] == 1
    assert server.get("candidates/K2R").json()["name"] == "K2R"

    assert server.post("pins", {"names": ["K2R"], "reason": "known from the literature"}).json()["names"] == ["K2R"]
    assert server.post("vetoes", {"names": ["T3P"]}).status_code == 200
    second = server.post("proposals", {"number": 8}).json()
    assert "K2R" in [pick["name"] for pick in second["picks"]]
    assert not {p["name"] for p in second["picks"]} & {p["name"] for p in first["picks"]}
    status = server.get().json()
    assert (status["proposals"], status["measured"], status["current"], status["outstanding"]) == (2, 7, 1, 2)
    assert status["next_step"].startswith("Measure proposal 2")


def test_a_file_with_bad_rows_is_explained_and_not_stored(server):
    text = "mutant,activity\nK2R,0.5\nX9Z,3\nT3S,much\nK2R,\n"
    seen = server.post("results/preview", files={"file": ("round 1.csv", text)})
    problems = seen.json()["problems"]
    assert {problem["row"] for problem in problems} >= {3}
    refused = server.post("results/file", files={"file": ("round 1.csv", text)})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    told = refused.json()
    assert (told["file"], told["row"]) == ("round 1.csv", 3)
    assert told["fix"]
    assert server.get("results").json()["total"] == 0
    good = text.replace("X9Z,3\n", "").replace("T3S,much\n", "T3S,0.7\n")
    seen = server.post("results/preview", files={"file": ("round 1.csv", good)}).json()
    assert (seen["problems"], seen["summary"]["stored"]) == ([], 3)
    assert server.get("results").json()["total"] == 0
    for odd in ({"columns": '{"candidate": 3}'}, {"columns": "[" * 9_000}, {"replaces": "[[1]]"}):
        assert server.post("results/file", files={"file": ("round 1.csv", good)}, data=odd).status_code == 422
    assert server.post("results/file", files={"file": ("round 1.csv", good)}).json()["stored"] == 3
    again = server.post("results/file", files={"file": ("round 1.csv", good)}).json()
    assert (again["read_before"], again["stored"]) == (True, 0)


def test_a_request_that_comes_twice_is_done_once(server):
    key = {"idempotency-key": "9d1c"}
    one = server.post("results", {"measurements": server.measured(4)}, headers=key)
    two = server.post("results", {"measurements": server.measured(4)}, headers=key)
    assert one.status_code == two.status_code == 201
    assert one.json() == two.json()
    assert two.headers["idempotent-replay"] == "true"
    other = server.post("results", {"measurements": server.measured(5)}, headers=key)
    assert (other.status_code, "another request" in other.json()["detail"]) == (422, True)
    made = [server.post("proposals", {"another": True, "number": 4}, headers={"idempotency-key": "p"}) for _ in "12"]
    assert made[0].json()["number"] == made[1].json()["number"] == 1


def test_a_request_whose_answer_was_lost_is_not_done_again(server):
    """As when the process was killed between the event and the answer."""
    key = {"idempotency-key": "lost"}
    assert server.post("pins", {"names": ["K2R"]}, headers=key).status_code == 200
    server.accounts.finish("local", "lost", 0, "")  # the answer was never kept
    events = server.get().json()["last"]
    again = server.post("pins", {"names": ["K2R"]}, headers=key)
    assert again.json() == {"names": ["K2R"], "last": events}
    assert server.get().json()["last"] == events
    key, rows = {"idempotency-key": "run 7"}, {"measurements": server.measured(5), "source": "run 7"}
    stored = server.post("results", rows, headers=key).json()
    server.accounts.finish("local", "run 7", 0, "")
    again = server.post("results", rows, headers=key).json()
    assert again == stored | {"unproposed": []}
    wrong = {"event": stored["event"], "reason": "leaked"}
    assert server.post("voids", wrong, headers={"idempotency-key": "v"}).json()["voided"] == 5
    server.accounts.finish("local", "v", 0, "")
    again = server.post("voids", wrong, headers={"idempotency-key": "v"}).json()
    assert again == {"repeated": True, "events": [stored["event"] + 1]}


def test_what_failed_may_be_tried_again_with_the_same_key(server):
    key = {"idempotency-key": "k"}
    assert server.post("pins", {"names": ["nonsense"]}, headers=key).status_code == 422
    assert server.post("pins", {"names": ["nonsense"]}, headers=key).status_code == 422  # not "being done"


def test_a_campaign_that_moved_on_is_not_changed_by_an_old_decision(server):
    seen = server.get()
    tag = seen.headers["etag"]
    assert server.get("proposals", headers={"if-none-match": tag}).status_code == 304
    server.post("pins", {"names": ["K2R"]})
    late = server.post("vetoes", {"names": ["K2R"]}, headers={"if-match": tag})
    assert (late.status_code, late.json()["last"]) == (412, server.get().json()["last"])
    late = server.post("proposals", {"number": 4}, headers={"if-match": tag})
    assert late.status_code == 409
    now = server.get().headers["etag"]
    assert now != tag
    assert server.post("vetoes", {"names": ["K2R"]}, headers={"if-match": now}).status_code == 200


def test_pages_of_a_list_name_the_next(server):
    server.post("results", {"measurements": server.measured(10)})
    first = server.get("results?limit=4")
    assert first.json()["total"] == 10
    assert 'rel="next"' in first.headers["link"]
    assert 'rel="prev"' not in first.headers["link"]
    address = first.headers["link"].partition(">")[0].strip("<")
    second = server.client.get(address).json()
    assert second["results"][0]["row"] == 5


def test_void_takes_results_out_and_says_why(server):
    stored = server.post("results", {"measurements": server.measured(6)}).json()
    voided = server.post("voids", {"event": stored["event"], "rows": [2, 3], "reason": "the pipette leaked"})
    assert voided.json()["voided"] == 2
    found = server.get("results?voided=true").json()["results"]
    assert {(one["row"], one["void"]) for one in found} == {(2, "the pipette leaked"), (3, "the pipette leaked")}
    assert server.post("voids", {"event": stored["event"], "reason": ""}).status_code == 422
    trail = server.get("audit").json()["trail"]
    assert trail[-1]["details"]["meaning"] == "these results are wrong"
    assert server.get("audit/verification").json()["problems"] == []


def test_an_earlier_version_is_made_current_again(server):
    for n in (8, 14):
        server.post("results", {"measurements": server.measured(n), "source": f"{n}", "repeats": True})
        assert server.post("versions").status_code == 201
    assert server.get("versions").json()["current"] == 2
    assert server.call("PUT", "versions/current", json={"version": 1, "reason": "the second was worse"}).json()[
        "current"
    ]
    assert server.get("versions/current").json()["number"] == 1
    assert server.call("PUT", "versions/current", json={"version": 7, "reason": "?"}).status_code == 422


def test_a_campaign_is_looked_at_before_it_is_made(server):
    seen = server.post("/api/v1/campaigns/preview", {"config": CONFIG, "plate": True}).json()
    assert (seen["size"], seen["first"][0], len(seen["proposal"]["picks"])) == (418, "M1A", 22)
    assert len(server.get("/api/v1/campaigns").json()["campaigns"]) == 1


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (CONFIG.replace("singles = true", 'table = "/etc/passwd"'), "path"),
        (CONFIG.replace("MKTAY", "MKT1Y"), "1"),
        (CONFIG + "\n[nonsense]\nx = 1\n", "nonsense"),
    ],
)
def test_a_config_that_is_wrong_or_reaches_out_is_refused(server, config, problem):
    for path in ("/api/v1/campaigns", "/api/v1/campaigns/preview"):
        told = {"config": config} | ({"name": "x"} if path.endswith("campaigns") else {})
        refused = server.post(path, told)
        assert refused.status_code == 422, refused.text
        assert problem in refused.json()["detail"]
    assert len(server.get("/api/v1/campaigns").json()["campaigns"]) == 1


def test_a_campaign_is_configured_anew_and_results_keep_their_meaning(server):
    server.post("results", {"measurements": server.measured(4)})
    text = server.get("configuration").json()["config"]
    done = server.call("PUT", "configuration", json={"config": text.replace('unit = "U"', 'unit = "U"\nhit = 0.25')})
    assert done.status_code == 200, done.text
    assert server.get().json()["hits"] == 1
    refused = server.call("PUT", "configuration", json={"config": text.replace('"activity"', '"stability"')})
    assert refused.status_code == 422


def test_a_campaign_is_renamed_and_put_away(server):
    assert server.call("PATCH", "", json={"name": "kinase, second try"}).status_code == 200
    assert server.get("/api/v1/campaigns?search=second").json()["total"] == 1
    assert server.post("archive").status_code == 204
    assert server.get("/api/v1/campaigns").json()["total"] == 0
    assert server.get("/api/v1/campaigns?archived=true").json()["campaigns"][0]["archived"]


def test_the_document_describes_every_answer(server):
    document = server.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        assert path.startswith("/api/v1/")
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            assert "problem+json" in str(operation["responses"]["422"]), (method, path)


def test_a_campaign_is_downloaded_for_a_notebook(server):
    server.post("pins", {"names": ["K2R"]})
    found = server.get("eln")
    assert found.headers["content-type"] == "application/vnd.eln+zip"
    assert 'filename="kinase.eln"' in found.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(found.content)) as file:
        assert {"kinase.eln/ro-crate-metadata.json", "kinase.eln/campaign/events.csv"} <= set(file.namelist())
    server.call("PATCH", "", json={"name": "激酶"})
    named = server.get("eln").headers["content-disposition"]
    assert named == "attachment; filename=\"__.eln\"; filename*=UTF-8''%E6%BF%80%E9%85%B6.eln"


def test_single_wells_of_many_devices_are_stored_together_and_each_is_answered_for_itself(server, monkeypatch):
    database, transactions = server.client.app.state.store.database, []
    writing = type(database).writing
    first, *rows = server.measured()
    server.post("results", {"measurements": [first]})  # which opens the campaign
    monkeypatch.setattr(type(database), "writing", lambda self, **how: transactions.append(how) or writing(self, **how))
    start = threading.Barrier(len(rows), timeout=20)

    def device(number: int):
        row = rows[number] | ({"assay": "mass"} if number == 5 else {})
        seen = f'"{server.key}.1"' if number == 7 else "*"
        start.wait()
        headers = {"idempotency-key": f"well {number}", "if-match": seen}
        return server.post("results", {"measurements": [row], "source": f"run {number}"}, headers=headers)

    with ThreadPoolExecutor(len(rows)) as pool:
        told = dict(enumerate(pool.map(device, range(len(rows)))))
    assert {n: one.status_code for n, one in told.items() if one.status_code != 201} == {5: 422, 7: 412}
    assert "mass" in told[5].json()["detail"]
    events = {n: one.json()["event"] for n, one in told.items() if n not in (5, 7)}
    listed = server.get("results?limit=100").json()
    assert listed["total"] == len(set(events.values())) + 1 == len(rows) - 1
    where = {one["event"]: (one["candidate"], one["file"]) for one in listed["results"]}
    assert {n: where[event] for n, event in events.items()} == {n: (rows[n]["candidate"], f"run {n}") for n in events}
    assert len(transactions) < 3 * len(rows)  # two of each call are for its key and its answer
    again = {"measurements": [rows[3]], "source": "run 3"}
    assert server.post("results", again, headers={"idempotency-key": "well 3"}).json()["event"] == events[3]


def test_lists_are_answered_without_opening_the_campaign(server):
    server.post("results", {"measurements": server.measured(12)})
    version = server.post("versions").json()
    campaigns = server.client.app.state.campaigns
    campaigns.forget(server.key)
    assert server.get("results").json()["total"] == 12
    assert server.get("versions").json() == {"versions": [version], "current": 1}
    assert server.get("versions/current").json() == version
    assert server.get("students").json() == {"students": []}
    assert len(campaigns) == 0


def test_what_others_measure_all_the_time_does_not_make_the_table_anew(team, monkeypatch):
    monkeypatch.setattr(computed, "QUICK", 0.0)
    monkeypatch.setattr(computed, "REST", 10**6)
    robot, reader = team.of("robot-1", "robot"), team.of("eve", "reader")
    first, second, third = team.measured(3)

    def seen(who) -> set[str]:
        found = who.get("candidates?state=measured&predict=false").json()["candidates"]
        return {c["name"] for c in found}

    before = seen(reader)
    assert robot.post("results", {"measurements": [first], "source": "1"}).status_code == 201
    assert seen(reader) == before  # a moment later it is there
    assert seen(robot) == before | {first["candidate"]}  # what one wrote is there at once
    assert robot.post("results", {"measurements": [second], "source": "2"}).status_code == 201
    assert team.of("ada").post("pins", {"names": [third["candidate"]], "reason": "ask"}).status_code == 200
    assert seen(reader) == before | {first["candidate"], second["candidate"]}  # what is not a result is, too

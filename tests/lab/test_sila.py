"""SiLA 2 devices: a server of the library and one written by hand answer alike, and both keep the contract."""

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sila_devices import Device, by_hand, by_library

from test_opentrons import plate_of, run_of

from activeloop.config import open_campaign
from activeloop.desk.demonstration import demonstration
from activeloop.desk.new import draft, new
from activeloop.errors import ConfigError, InputError
from activeloop.lab import DeviceError, SiLA2
from activeloop.lab.devices import device_of
from activeloop.testing import checks, planted_pool


@pytest.fixture(params=["library", "by hand"])
def served(request):
    """A device, its port, and how to end its server."""
    device = Device()
    server, port = (by_library if request.param == "library" else by_hand)(device)
    yield device, port, lambda: server.stop(0) if request.param == "by hand" else server.stop()
    if request.param == "by hand":
        server.stop(0)
    elif server.running:
        server.stop()


def test_the_contract_of_drivers(served):
    _, port, _ = served
    for check in checks(SiLA2("127.0.0.1", port, encrypted=False), planted_pool()):
        check()


def test_a_run_is_done_once_whoever_asks(served):
    device, port, _ = served
    run, one = run_of(plate_of(20)), SiLA2("127.0.0.1", port, encrypted=False)
    handle = one.submit(run)
    assert one.poll(handle).stage == "running"
    other = SiLA2("127.0.0.1", port, encrypted=False)  # another process goes on
    assert other.submit(run) == handle
    while (state := other.poll(handle)).stage == "running":
        assert state.words == "dispensing"
    assert state.stage == "done"
    wanted = [("r-1", t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]
    assert device.filled == wanted
    (file,) = other.collect(handle)
    assert (file.name, file.content.count(b"plate-1,")) == ("r-1.csv", len(wanted))
    with pytest.raises(InputError, match="refuses the run: r-1 was begun with other transfers"):
        other.submit(run_of(plate_of(20), 9.0))


def test_a_run_is_stopped_and_what_is_unknown_is_said(served):
    device, port, _ = served
    one, run = SiLA2("127.0.0.1", port, encrypted=False), run_of(plate_of(8))
    one.cancel(one.submit(run))
    assert one.poll("r-1").stage == "stopped"
    with pytest.raises(DeviceError, match="there is no run r-9"):
        one.poll("r-9")
    with pytest.raises(InputError, match="takes plates of 96, 384 wells"):
        one.submit(run_of(plate_of(8, wells=24, controls=2)))
    assert len(device.runs) == 1


def test_a_server_that_is_gone_is_asked_again(served):
    _, port, stop = served
    one = SiLA2("127.0.0.1", port, encrypted=False, seconds=5.0)
    assert one.capabilities.wells == (96, 384)
    stop()
    with pytest.raises(DeviceError, match="does not answer as it should"):
        one.submit(run_of(plate_of(8)))


def test_encrypted_with_a_certificate_of_its_own(tmp_path):
    device = Device()
    server, port = by_library(device, encrypted=True)
    try:
        trusted = tmp_path / "ca.pem"
        trusted.write_bytes(server.trusted)
        one = device_of(f"sila:127.0.0.1:{port}?{trusted}", None, {})
        assert one.submit(run_of(plate_of(8))) == "r-1"
        with pytest.raises(DeviceError):
            SiLA2("127.0.0.1", port, seconds=5.0).submit(run_of(plate_of(8)))
    finally:
        server.stop()


def test_by_the_name_of_a_device(tmp_path):
    loop = open_campaign(new(draft(demonstration()), tmp_path / "enzyme").folder)
    found = device_of("reader", loop, {"reader": "sila:127.0.0.1:50052?insecure"})
    assert (found.name, found.address, found.port, found.encrypted) == ("reader", "127.0.0.1", 50052, False)
    for wrong, words in (("sila", "HOST:PORT"), ("sila:a", "HOST:PORT"), ("sila:lab:50052?insecure", "only on this")):
        with pytest.raises(ConfigError, match=words):
            device_of(wrong, loop, {})


def test_a_server_without_the_feature_says_what_it_offers(monkeypatch):
    monkeypatch.setattr("activeloop.lab.sila.FEATURE", "bio.activeloop/plates/PlateRuns/v2")
    server, port = by_hand(Device())
    with pytest.raises(ConfigError, match=r"offers no .*PlateRuns/v2; it offers: bio.activeloop/plates/PlateRuns/v1"):
        SiLA2("127.0.0.1", port, encrypted=False).submit(run_of(plate_of(8)))
    server.stop(0)

"""What is said of an image, without building one."""

from __future__ import annotations

import json
import sys
import tomllib

import pytest

from activeloop.errors import ConfigError
from benchmarks.images import command, images_result
from tools import images
from tools.images import Image


@pytest.fixture
def root(tmp_path):
    """The files of an image with one package of Python and one of Debian."""
    package = tmp_path / images.SITE / "seven-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: seven\nVersion: 1.0\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("VERSION_CODENAME=bookworm\n")
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    entry = "Package: {}\nStatus: {}\nArchitecture: amd64\nVersion: 1\nDescription: short\n long: line\n"
    kinds = ("install ok installed", "deinstall ok config-files")
    status = "\n".join(entry.format(*each) for each in zip(("there", "gone"), kinds, strict=True))
    (tmp_path / "var/lib/dpkg/status").write_text(status)
    return tmp_path


def test_a_bill_names_packages_of_python_and_of_debian(root):
    found = images.bill_of(root)
    assert found["bomFormat"] == "CycloneDX"
    assert [(one["name"], one["version"]) for one in found["components"]] == [("seven", "1.0"), ("there", "1")]
    assert found["components"][1]["purl"] == "pkg:deb/debian/there@1?arch=amd64&distro=bookworm"


def test_addresses_of_a_machine_are_found_in_an_image(root):
    assert images.named_in(root, {"mirror.lab"}, "{}") == set()
    (root / "etc/pip.conf").write_text("[global]\nindex-url = https://mirror.lab/simple\n")
    assert images.named_in(root, {"mirror.lab"}, '{"ARG": "https://mirror.lab"}') == {"its description", "etc/pip.conf"}


def test_a_machine_that_cannot_build_says_so(monkeypatch):
    monkeypatch.setattr(images.shutil, "which", lambda name: None)
    with pytest.raises(images.NotHereError, match="not here: mmdebstrap, buildah"):
        images.needed()
    monkeypatch.setattr(images.shutil, "which", lambda name: name)
    monkeypatch.setattr(images.sys, "version_info", (3, 12, 1))
    with pytest.raises(images.NotHereError, match=r"Python 3\.11 \(bookworm\)"):
        images.needed()
    with pytest.raises(ConfigError, match="choose server or gpu"):
        command(["server", "tpu"])


def test_the_extras_of_an_image_are_extras():
    text = (images.ROOT / "pyproject.toml").read_text("utf-8")
    there = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(images.extras().split(",")) <= there.keys()
    assert sys.version_info[:2] in images.RELEASES or sys.version_info[:2] == (3, 12)


def test_the_page_says_which_torch_it_is():
    bill = {"components": [{"name": "torch"}]}
    found = {"seconds": 4.32, "server_mebibytes": 118.2, "work_seconds": 30.0, "written": []}
    sizes = ((1600.0, 500.0), {"opt": 1400.0, "usr": 180.0}, {"torch": 560.0})
    both = [Image(*names, *sizes, "2.13.0+cpu", bill, found) for names in images.TARGETS.items()]
    page = images_result(both)
    assert "| activeloop | 1600 | 500 | 180 | 1400 | 1 | 2.13.0+cpu |" in page.sections[0]
    assert "is the build for processors too" in page.sections[0]
    assert "| activeloop | 4.3 | 118 | 30 | nowhere |" in page.sections[1]
    cuda = Image("gpu", "activeloop-gpu", *sizes, "2.13.0", bill, json.loads('{"work_seconds": 9.0, "written": []}'))
    assert "build for processors" not in images_result([both[0], cuda]).sections[0]

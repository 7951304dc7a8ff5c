"""What an image holds, as far as it is told without one."""

from __future__ import annotations

import shutil

import pytest

from tools import images


def test_an_image_holds_what_its_extras_need_and_nothing_of_the_tests():
    extras = images.extras_of("server")
    assert extras == images.extras_of("gpu")
    assert {"server", "kubernetes", "cluster"} <= set(extras)
    packages = images.packages_of(extras)
    assert {"torch", "lightkube", "httpx2", "distributed", "fastapi"} <= packages.keys()
    assert not {"pytest", "ruff", "moto", "sphinx"} & packages.keys()
    assert images.size_of(packages["numpy"]) > 2**20


@pytest.mark.skipif(any(map(shutil.which, images.BUILDERS)), reason="images can be built here")
def test_without_a_builder_it_says_what_is_missing():
    missing, server, card = images.told_instead()
    assert "neither podman nor buildah" in missing
    assert "packages" in server
    assert "without the libraries for a graphics card" in card

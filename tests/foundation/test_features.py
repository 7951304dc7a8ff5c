"""Features of foundation models: buckets, the cache on disk, precision and attention."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from activeloop.candidates import Pool, VariantNotation
from activeloop.errors import StoreError
from activeloop.foundation import ESM2
from activeloop.foundation.cache import cache_folder, recall, store
from activeloop.foundation.devices import attention_as, faster_attention, has_bfloat16
from activeloop.foundation.pooling import Batch, pooled_features
from activeloop.foundation.tokens import Tokens

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"
POOL = Pool.single_mutants(PARENT, positions=range(2, 8))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def lengths(*values: int) -> Tokens:
    none = np.zeros((len(values), 0))
    inner = np.ones((len(values), max(values)), np.int32)
    return Tokens.around(inner, np.array(values), ((0,), (2,), 1), none, none)


def test_groups_hold_everybody_once_and_no_padding():
    rng = np.random.default_rng(0)
    tokens = lengths(*rng.integers(20, 500, 300).tolist())
    groups = list(tokens.buckets(4096))
    assert sorted(np.concatenate(groups).tolist()) == list(range(300))
    assert all(np.ptp(tokens.lengths[group]) == 0 for group in groups)
    assert all(tokens.take(group).ids.size <= 4096 for group in groups)
    assert list(lengths(3).take(np.zeros(0, np.int64)).buckets(9)) == []


def test_features_do_not_depend_on_which_others_are_computed_with_them(cache: Path, tiny: str):
    names = [
        "K2R",
        "T3S",
        "A4del",
        "K2_Y5del",
        "10_11insGGGGGGGG",
        "K2R:T3S:Y5F:Q9E",
        "20_21insAAAA",
        "I6V:Q9del",
        "H18Y",
    ]
    pool = Pool.of([VariantNotation(PARENT).design(name) for name in names])
    foundation = ESM2(tiny)
    together = foundation.features(pool, np.arange(len(names)))
    alone = np.concatenate([foundation.features(pool, np.array([row])) for row in range(len(names))])
    # in single precision a library's products may round otherwise in a minibatch of another size
    near = 1e-6 * float(np.abs(together).max())
    np.testing.assert_allclose(alone, together, rtol=0, atol=near)
    order = np.random.default_rng(0).permutation(len(names))
    np.testing.assert_allclose(foundation.features(pool, order), together[order], rtol=0, atol=near)


def test_features_are_cached_and_found_again(cache: Path, tiny: str):
    rows = np.arange(60)
    first = ESM2(tiny).features(POOL, rows)
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(ESM2(tiny).features(POOL, rows), first)
    assert len(list(cache.iterdir())) == 1
    assert file.stat().st_mtime_ns >= written
    # another pooling, another depth, other rows and another order are other features
    ESM2(tiny, pooling="mean").features(POOL, rows)
    assert not np.array_equal(ESM2(tiny, depth=0.5).features(POOL, rows), first)
    ESM2(tiny).features(POOL, rows[::-1])
    assert len(list(cache.iterdir())) == 4


def test_another_checkpoint_has_other_features(cache: Path, tiny: str, tmp_path: Path):
    from tiny_models import tiny_esm

    rows = np.arange(40)
    other = tiny_esm(tmp_path / "other", token_dropout=True)
    one, two = ESM2(tiny).features(POOL, rows), ESM2(other).features(POOL, rows)
    assert np.abs(one - two).max() > 1e-3
    # the same folder with new content is another checkpoint
    tiny_esm(Path(other), layers=2)
    assert np.abs(ESM2(other).features(POOL, rows) - two).max() > 1e-3


def test_a_torn_file_is_never_read(cache: Path, tiny: str):
    rows = np.arange(60)
    first = ESM2(tiny).features(POOL, rows)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for size in (0, 5, 100, len(whole) - 1):
        file.write_bytes(whole[:size])
        np.testing.assert_array_equal(ESM2(tiny).features(POOL, rows), first)
    assert file.read_bytes() == whole


def test_few_candidates_leave_no_file(cache: Path, tiny: str):
    ESM2(tiny).features(POOL, np.arange(5))
    assert not cache.exists()


def test_the_files_unused_for_longest_are_dropped(cache: Path):
    import os

    array = np.ones(1000, np.float32)
    for i in range(4):
        store("features", f"{i}", array, most=10**6)
        os.utime(cache / f"{i}.safetensors", (i, i))
    (cache / "9.dead.new").write_bytes(b"half")
    os.utime(cache / "9.dead.new", (0, 0))
    assert recall("features", "0") is not None  # used just now
    store("features", "4", array, most=3 * 4100)
    assert sorted(p.name for p in cache.iterdir()) == ["0.safetensors", "3.safetensors", "4.safetensors"]
    assert recall("features", "1") is None


WRITER = """
import sys, numpy as np
from activeloop.foundation.cache import recall, store
which = float(sys.argv[1])
for i in range(150):
    store("features", f"{i % 3}", np.full((400, 50), which, np.float32), most=10**9)
    found = recall("features", f"{(i + 1) % 3}")
    assert found is None or (found.shape == (400, 50) and len(np.unique(found)) == 1), "torn"
"""


def test_two_processes_share_the_cache(cache: Path):
    runs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(which)], stderr=subprocess.PIPE, text=True)
        for which in (1, 2)
    ]
    for run in runs:
        _, errors = run.communicate()
        assert run.returncode == 0, errors
    assert sorted(p.name for p in cache.iterdir()) == [f"{i}.safetensors" for i in range(3)]


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="Name another in ACTIVELOOP_CACHE"):
        cache_folder("features")


@pytest.mark.parametrize("length", [22, 8])
def test_both_implementations_of_attention_agree(tiny: str, length: int):
    encoder, tokens = ESM2(tiny).frozen_encoder(), ESM2(tiny).tokens_of([PARENT, PARENT[:length]])
    batch, found = Batch.of(tokens), {}
    for kind in ("eager", "sdpa"):
        with torch.no_grad(), attention_as(encoder, kind):
            found[kind] = encoder(batch.ids, batch.real)[batch.real]
    torch.testing.assert_close(found["eager"], found["sdpa"], rtol=1e-4, atol=1e-5)
    assert encoder.model.config._attn_implementation == "eager"


def test_on_other_devices_attention_is_fused():
    assert faster_attention(4, 10, half=True, device="cuda") == "sdpa"


def test_half_precision_is_measured_once_and_stays_near(tiny: str):
    assert has_bfloat16() is has_bfloat16()
    foundation = ESM2(tiny, pooling="mean")
    tokens = foundation.tokens(POOL, np.arange(20))
    features = pooled_features(foundation.frozen_encoder(), tokens, None, "mean", 6, "cpu")
    encoder = foundation.frozen_encoder()
    batch = Batch.of(tokens)
    with torch.no_grad():
        hidden = encoder(batch.ids, batch.real)
    exact = torch.stack([row[here].mean(0) for row, here in zip(hidden, batch.residues, strict=True)]).numpy()
    tolerance = (0.02 if has_bfloat16() else 1e-5) * np.abs(exact).max()
    np.testing.assert_allclose(features, exact, atol=tolerance)


def test_an_encoder_is_loaded_once_for_all_poolings(tiny: str):
    assert ESM2(tiny).frozen_encoder() is replace(ESM2(tiny), pooling="mean").frozen_encoder()

"""Mirrors: copies of a cache, on a disk or behind an address, that are asked first."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from embedpipe.errors import DownloadError
from embedpipe.hub import find_model
from tests.support.download_support import (
    GOOGLE_EXPECTED,
    assert_is_whole,
    entry,
    names_below,
)


@pytest.mark.parametrize("by_address", [False, True])
def test_a_copy_of_a_cache_is_a_mirror(
    place, server, tiny, fixtures, tmp_path, monkeypatch, by_address
):
    find_model(tiny)
    copy = tmp_path / "mirror"
    shutil.move(place.models, copy)
    for path in copy.rglob("*"):
        if path.is_file():
            server.add(f"/pub/{path.relative_to(copy).as_posix()}", path.read_bytes())
    server.requests.clear()
    stale = place.models / ".tiny.partial/model/left by a process that was ended"
    stale.parent.mkdir(parents=True)
    stale.touch()
    monkeypatch.setenv("EMBEDPIPE_MIRROR", f"{server.address}/pub/" if by_address else str(copy))
    assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)
    assert server.asked("/tiny.zip") == []
    assert bool(server.requests) == by_address
    assert names_below(place.models) == ["tiny"]
    if not by_address:  # which needs no network
        shutil.rmtree(place.models)
        monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
        assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)


def test_a_mirror_without_the_model_or_with_a_damaged_one_is_passed_over(
    place, server, tiny, fixtures, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMBEDPIPE_MIRROR", f"{server.address}/pub")
    find_model(tiny)
    assert [r.path for r in server.requests] == ["/pub/tiny/embedpipe.json", "/tiny.zip"]
    copy = tmp_path / "mirror"
    shutil.move(place.models, copy)
    monkeypatch.setenv("EMBEDPIPE_MIRROR", str(copy))
    weights = copy / "tiny/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert_is_whole(find_model(tiny), fixtures / GOOGLE_EXPECTED)
    assert len(server.asked("/tiny.zip")) == 2


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ".hidden", "a/b/c"])
def test_a_mirror_cannot_write_elsewhere(place, server, tmp_path, monkeypatch, name):
    place.describe(entry("tiny", {"kind": "archive", "address": f"{server.address}/no.zip"}))
    files = {name: {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1}}
    server.add("/tiny/embedpipe.json", json.dumps({"files": files}).encode())
    monkeypatch.setenv("EMBEDPIPE_MIRROR", server.address)
    with pytest.raises(DownloadError, match="expected a file's name with its sha256 and size"):
        find_model("tiny")
    assert not list(tmp_path.rglob("*evil*"))

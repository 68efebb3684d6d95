"""One file over HTTP from a server that misbehaves: it comes whole and right, or not at all."""

from __future__ import annotations

import hashlib
import io
import random
import re
import sys
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.utils._http import default_client_factory

from embedpipe.errors import DownloadError, OutputError
from embedpipe.hub import download, retries
from embedpipe.hub.download import download_file, without_secrets
from tests.support.model_server import Answer, ModelServer, model_server

CONTENT = random.Random(7).randbytes(3_000_017)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "/models/some model.zip"


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    """A session that knows no proxy but a test's own."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()


@pytest.fixture
def server():
    with model_server() as running:
        running.add(PATH, CONTENT)
        yield running


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """The waits that were asked for, none of which is taken."""
    found: list[float] = []
    monkeypatch.setattr(retries, "time", SimpleNamespace(sleep=found.append, time=time.time))
    return found


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "some model.zip"


def address(server: ModelServer) -> str:
    return server.address + PATH.replace(" ", "%20")


def test_a_file_comes_whole(server, target):
    assert download_file(address(server), target, sha256=DIGEST) == DIGEST
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    (request,) = server.requests
    assert request.headers["accept-encoding"] == "identity"


def test_a_connection_that_drops_begins_anew(server, target, waits):
    server.answers[PATH] = [Answer(cut=1_000_000), Answer(cut=2_000_000), Answer()]
    assert download_file(address(server), target, sha256=DIGEST) == DIGEST
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert len(waits) == 2


def test_a_connection_that_always_drops_is_given_up(server, target, waits):
    server.answers[PATH] = [Answer(cut=1000)]
    with pytest.raises(DownloadError, match=r"some%20model\.zip: .*, 5 times in a row$"):
        download_file(address(server), target)
    assert list(target.parent.iterdir()) == []
    assert len(waits) == 4


def test_another_hash_is_refused_and_nothing_is_left(server, target):
    wrong = "0" * 64
    with pytest.raises(DownloadError, match=f"has SHA-256 {DIGEST}; expected {wrong}"):
        download_file(address(server), target, sha256=wrong)
    assert list(target.parent.iterdir()) == []


def test_fewer_bytes_than_announced_are_not_taken_for_the_file(server, target):
    server.answers[PATH] = [Answer(announce=len(CONTENT) + 5, cut=len(CONTENT))]
    with pytest.raises(DownloadError, match="times in a row"):
        download_file(address(server), target)
    assert not target.exists()


def test_fewer_bytes_announced_than_there_are_fail_the_hash(server, target):
    server.answers[PATH] = [Answer(announce=1000)]
    with pytest.raises(DownloadError, match="SHA-256"):
        download_file(address(server), target, sha256=DIGEST)
    assert not target.exists()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again_later(server, target, waits, status):
    server.answers[PATH] = [Answer(status=status)] * 3 + [Answer()]
    assert download_file(address(server), target) == DIGEST
    assert len(waits) == 3
    for number, wait in enumerate(waits):  # half to whole of 0.5, 1, 2 seconds
        assert 0.25 * 2**number <= wait <= 0.5 * 2**number


def test_retry_after_is_obeyed_in_seconds_and_as_a_date(server, target, waits):
    date = formatdate(time.time() + 20, usegmt=True)
    server.answers[PATH] = [
        Answer(status=429, headers={"Retry-After": "7"}),
        Answer(status=503, headers={"Retry-After": date}),
        Answer(),
    ]
    assert download_file(address(server), target) == DIGEST
    assert waits[0] == 7
    assert 17 <= waits[1] <= 20


def test_a_wait_of_hours_is_left_to_the_user(server, target, waits):
    server.answers[PATH] = [Answer(status=429, headers={"Retry-After": "86400"})]
    with pytest.raises(DownloadError, match=r"answers 429, and asks to wait 86400 seconds"):
        download_file(address(server), target)
    assert waits == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_gone_is_not_asked_for_again(server, target, waits, status):
    server.answers[PATH] = [Answer(status=status)]
    with pytest.raises(DownloadError, match=f"the server answers {status}, no such file"):
        download_file(address(server), target)
    assert len(server.requests) == 1
    assert waits == []


def test_redirects_are_followed_and_loops_are_not(server, target):
    server.answers["/old"] = [Answer(status=302, headers={"Location": PATH.replace(" ", "%20")})]
    assert download_file(f"{server.address}/old", target, sha256=DIGEST) == DIGEST
    server.answers["/loop"] = [Answer(status=302, headers={"Location": "/loop"})]
    with pytest.raises(DownloadError, match="TooManyRedirects"):
        download_file(f"{server.address}/loop", target.with_name("other"))


def test_silence_is_not_waited_out(server, target, waits, monkeypatch):
    monkeypatch.setattr(download, "_SILENCE_SECONDS", 0.3)
    server.answers[PATH] = [Answer(stall=20.0), Answer()]
    began = time.monotonic()
    assert download_file(address(server), target, sha256=DIGEST) == DIGEST
    assert time.monotonic() - began < 10
    assert len(waits) == 1


def test_a_slow_server_is_waited_for(server, target, waits, monkeypatch):
    monkeypatch.setattr(download, "_SILENCE_SECONDS", 1.0)
    server.answers[PATH] = [Answer(pause=0.08)]  # longer than that in all
    began = time.monotonic()
    assert download_file(address(server), target, sha256=DIGEST) == DIGEST
    assert time.monotonic() - began > 1.2
    assert waits == []


def test_nobody_there_is_told_after_a_few_attempts(target):
    with model_server() as gone:
        pass
    with pytest.raises(DownloadError, match=r"ConnectError.*3 times in a row"):
        download_file(f"{gone.address}/x.zip", target)


def test_credentials_stay_out_of_errors_and_logs(server, target, caplog):
    secret = address(server).replace("http://", "http://user:pass%40word@") + "?token=geheim"
    server.answers[PATH] = [Answer(cut=1_000_000), Answer(status=403)]
    with caplog.at_level("DEBUG"), pytest.raises(DownloadError) as caught:
        download_file(secret, target)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert server.requests[0].path.endswith("?token=geheim")
    for text in (str(caught.value), repr(caught.value), without_secrets(secret)):
        assert not re.search("user|pass|word|geheim", text)
    assert not re.search("user|pass|word", caplog.text)


def test_room_is_asked_for_before_anything_is_written(server, target):
    sizes = []

    def refuse(*found: int) -> None:
        sizes.append(found)
        raise OutputError("no room")

    with pytest.raises(OutputError, match="no room"):
        download_file(address(server), target, check_size=refuse)
    assert sizes == [(len(CONTENT),)]
    assert list(target.parent.iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_only(server, target, monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        download_file(address(server), target)
        drawn = stream.getvalue()
        assert ("100%" in drawn and "some%20model.zip" in drawn) == stream.isatty()
        assert bool(drawn) == stream.isatty()


def test_a_full_disk_is_told_as_such(server, small_disk):
    with pytest.raises(OutputError, match=r"No space left on device; free some space.*EMBEDPIPE_C"):
        download_file(address(server), small_disk / "x.zip")
    assert list(small_disk.iterdir()) == []


def test_a_proxy_from_the_environment_is_used(target, monkeypatch):
    with model_server() as proxy:
        proxy.files["/x.zip"] = b"by proxy"
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        download_file("http://models.invalid/x.zip", target)
        assert target.read_bytes() == b"by proxy"
        assert proxy.requests[0].path == "http://models.invalid/x.zip"


def test_a_client_that_was_set_for_huggingface_hub_is_used(server, target):
    client = type(huggingface_hub.get_session())
    huggingface_hub.set_client_factory(lambda: client(headers={"X-House": "ours"}))
    try:
        download_file(address(server), target)
    finally:
        huggingface_hub.set_client_factory(default_client_factory)
    assert [request.headers["x-house"] for request in server.requests] == ["ours"]


def test_a_redirect_to_an_address_without_encryption_is_refused(target):
    client = type(huggingface_hub.get_session())
    library = sys.modules[client.__module__.partition(".")[0]]

    def answer(request):
        if request.url.scheme == "https":
            headers = {"Location": "http://other.example/x.zip?token=geheim"}
            return library.Response(302, headers=headers)
        return library.Response(200, content=b"from anybody")

    transport = library.MockTransport(answer)
    huggingface_hub.set_client_factory(lambda: client(transport=transport))
    try:
        with pytest.raises(
            DownloadError, match=r"leads on to http://other\.example/x\.zip, without"
        ):
            download_file("https://house.example/x.zip", target)
    finally:
        huggingface_hub.set_client_factory(default_client_factory)
    assert list(target.parent.iterdir()) == []

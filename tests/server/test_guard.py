"""The key, the log, the metrics, pages of other origins, and limits on what a request brings."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from embedpipe.server import Limits, ServerSettings, app
from tests.server.conftest import waiting_pieces

Client = Callable[[ServerSettings], TestClient]
SECRET = "geheim-Schlüssel"
EMBED = {"inputs": "a text of ours"}


def test_without_the_key_only_health_and_descriptions_answer(client_with: Client) -> None:
    client = client_with(ServerSettings(api_key=SECRET))
    wrong: list[dict[str, str | bytes]] = [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {SECRET}".encode()},
        {"authorization": f"Bearer {SECRET}x".encode()},
    ]
    for headers in wrong:
        answer = client.post("/v1/embeddings", json={"input": "a"}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.post("/embed", json=EMBED, headers=headers).json()["error_type"] == (
            "Unauthorized"
        )
        assert client.get("/metrics", headers=headers).status_code == 401
    assert client.get("/health").status_code == 200
    assert client.get("/openapi.json").status_code == 200


def test_with_the_key_all_answers(client_with: Client) -> None:
    client = client_with(ServerSettings(api_key=SECRET))
    for word in ("Bearer", "bearer"):
        headers = {"authorization": f"{word} {SECRET}".encode()}
        assert client.post("/embed", json=EMBED, headers=headers).status_code == 200


def test_the_key_is_not_shown() -> None:
    assert SECRET not in repr(ServerSettings(api_key=SECRET))


def test_the_log_has_every_request_and_no_text(
    client_with: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_with(ServerSettings(api_key=SECRET))
    headers = {"authorization": f"Bearer {SECRET}".encode()}
    with caplog.at_level(logging.INFO, "embedpipe.server.access"):
        client.post("/embed?secret=query", json=EMBED, headers=headers)
        client.post("/embed", json={"inputs": [5, "a text of ours"]}, headers=headers)
        client.get("/a text of ours", headers=headers)
    lines = [record.getMessage() for record in caplog.records]
    assert [json.loads(line)["status"] for line in lines if "embedpipe" not in line] == [
        *(200, 422, 404)
    ]
    assert set(json.loads(lines[0])) == {"time", "client", "method", "path", "status", "ms"}
    assert not any(word in line for line in lines[:2] for word in ("ours", "query", "geheim"))


def test_metrics_count_requests_by_route_and_status(client_with: Client) -> None:
    client = client_with(ServerSettings())
    client.post("/embed", json=EMBED)
    client.post("/embed", json={})
    client.get("/nothing/here")
    found = client.get("/metrics").text
    assert 'embedpipe_requests_total{route="/embed",status="200"} 1.0' in found
    assert 'embedpipe_requests_total{route="/embed",status="422"} 1.0' in found
    assert 'embedpipe_requests_total{route="other",status="404"} 1.0' in found
    assert waiting_pieces(found) >= 0


def test_pages_of_other_origins_may_ask_only_if_they_are_named(client_with: Client) -> None:
    asked = {
        "origin": "https://a.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    named = client_with(ServerSettings(origins=("https://a.example",), api_key=SECRET))
    found = named.options("/embed", headers=asked)
    assert found.status_code == 200
    assert found.headers["access-control-allow-origin"] == "https://a.example"
    other = named.options("/embed", headers=asked | {"origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers
    assert (
        "access-control-allow-origin"
        not in client_with(ServerSettings()).options("/embed", headers=asked).headers
    )


def test_a_body_over_the_limit_is_refused(client_with: Client) -> None:
    client = client_with(ServerSettings(limits=Limits(body_bytes=1000)))
    large = json.dumps({"inputs": "x" * 1000}).encode()
    headers = {"content-type": "application/json"}
    in_parts = (large[begin : begin + 100] for begin in range(0, len(large), 100))
    for body in (large, in_parts):
        answer = client.post("/embed", content=body, headers=headers)
        assert answer.status_code == 413
        assert "more than 1,000 bytes" in answer.json()["error"]


def test_other_media_types_methods_and_paths(client_with: Client) -> None:
    client = client_with(ServerSettings())
    answer = client.post("/embed", data={"inputs": "a"})
    assert answer.status_code == 415
    assert "expected application/json" in answer.json()["error"]
    answer = client.put("/v1/embeddings", json={})
    assert answer.status_code == 405
    assert "another method" in answer.json()["error"]["message"]
    assert answer.headers["allow"] == "POST"
    answer = client.get("/v2/embeddings")
    assert answer.status_code == 404
    assert answer.json()["error_type"] == "unknown_path"


def test_when_too_much_waits_requests_are_refused_with_a_time(
    client_with: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_SETTLED_SECONDS", 1e6)  # no first text is in the way
    client = client_with(ServerSettings(limits=Limits(waiting_pieces=1)))
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(
            client.post, "/embed", json={"inputs": ["word " * 500] * 2000, "truncate": True}
        )
        while waiting_pieces(client.get("/metrics").text) < 1000:
            assert not large.done()
        answer = client.post("/v1/embeddings", json={"input": "a"})
        assert large.result().status_code == 200
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert client.post("/v1/embeddings", json={"input": "a"}).status_code == 200

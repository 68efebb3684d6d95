"""Requests drawn from the server's own description, and others that break it, over a socket.

schemathesis draws them. An answer is wrong if its status is 500 or more, or not one that is
described, or if its body is not as described.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from typing import Any

import httpx
import pyarrow as pa

__all__ = ["ask_described", "ask_with_damaged_streams"]

ARROW = "application/vnd.apache.arrow.stream"


def ask_described(address: str, each: int, *, seed: int = 0) -> Counter[int]:
    """Ask each operation so many times with right bodies and as many times with wrong ones.

    Gives the answers by status. Raises what schemathesis does at an answer that is wrong.
    """
    import requests
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks: list[Any] = [
        *(not_a_server_error, status_code_conformance),
        *(content_type_conformance, response_schema_conformance),
    ]
    described = httpx.get(f"{address}/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(described)
    found: Counter[int] = Counter()
    drawing = settings(
        max_examples=each,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with requests.Session() as session:
        for operation in (result.ok() for result in schema.get_all_operations()):
            for mode in GenerationMode:
                if mode is GenerationMode.NEGATIVE and operation.method.upper() == "GET":
                    continue  # there is nothing in it that could be wrong

                @seeded(seed)
                @drawing
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Any) -> None:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        answer = case.call_and_validate(
                            base_url=address, session=session, checks=checks, timeout=120
                        )
                    found[answer.status_code] += 1

                ask()
    return found


def ask_with_damaged_streams(address: str, pipeline: str, count: int, *, seed: int = 0) -> None:
    """Send Arrow streams with some bytes changed or cut off; RuntimeError at a wrong answer."""
    draw = random.Random(seed)
    batch = pa.record_batch({"text": pa.array(["a text", None, "another one"])})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    whole = bytes(sink.getvalue())
    with httpx.Client(base_url=address, timeout=120) as client:
        for number in range(count):
            body = bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                body[draw.randrange(len(body))] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
            del body[draw.choice((len(body), draw.randrange(len(body)))) :]
            answer = client.post(
                f"/pipelines/{pipeline}", content=bytes(body), headers={"content-type": ARROW}
            )
            if answer.status_code not in (200, 413, 422):
                raise RuntimeError(f"stream {number} of seed {seed}: {answer.status_code}")

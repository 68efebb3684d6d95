"""OpenVINO's CPU plugin in float32 and bfloat16, on the exported ONNX graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embedpipe_bench.peers.common import (
    ONEDNN_ISA,
    Batching,
    Candidate,
    Entry,
    Floats,
    Job,
    Options,
    UnavailableError,
    Work,
    padded_batches,
    padded_job,
)
from embedpipe_bench.peers.onnx_export import OUTPUT, export_onnx

__all__ = ["OpenVinoPeer"]

OPENVINO_ISA = {
    isa: {**limit, **({"OV_CPU_MAX_ISA": limit["ONEDNN_MAX_CPU_ISA"]} if limit else {})}
    for isa, limit in ONEDNN_ISA.items()
}
"""oneDNN and its own kernels each have a variable, with the same values.

Some of its products are MLAS's, as ONNX Runtime's are, and that asks the processor alone.
"""

HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVinoPeer:
    """Both performance hints; as many requests in flight as the compiled model asks for."""

    name = "openvino"
    needs = ("openvino", "torch", "transformers")
    entries = (Entry("float32"), Entry("bfloat16"))
    isa_environment = OPENVINO_ISA
    isa_reservation = "MLAS in it not held to it"

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Two ways to write attention, each way of forming batches, each hint.

        For one text at a time, the hint that OpenVINO has for it alone.
        """
        graphs = {
            "sdpa": export_onnx(model, cache, "sdpa"),
            "eager": export_onnx(model, cache, "eager"),
        }
        hints = ("LATENCY",) if options.one_text else ("THROUGHPUT", "LATENCY")
        for name, graph in graphs.items():
            for batching in options.batchings(entry):
                for hint in hints:
                    settings = {
                        "PERFORMANCE_HINT": hint,
                        # else bfloat16 wherever the processor has it
                        "INFERENCE_PRECISION_HINT": HINTS[entry.precision],
                        "INFERENCE_NUM_THREADS": options.threads,
                    }
                    yield Candidate(
                        f"{name} graph, {batching}, {hint} hint",
                        partial(_job, graph=graph, batching=batching, settings=settings),
                    )


def _job(work: Work, *, graph: Path, batching: Batching, settings: dict[str, Any]) -> Job:
    import openvino

    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if precision != settings["INFERENCE_PRECISION_HINT"]:
        raise UnavailableError(f"computes in {precision} here")
    batches = padded_batches(work.sequences, batching, np.int64)
    queue = openvino.AsyncInferQueue(
        compiled, compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    )
    hidden: list[Floats] = [np.empty(0)] * len(batches)

    def keep(request: Any, place: int) -> None:
        # Copied, because the request writes its next result over this one.
        hidden[place] = request.get_tensor(OUTPUT).data.copy()

    queue.set_callback(keep)

    def run() -> list[Floats]:
        for place, batch in enumerate(batches):
            queue.start_async({0: batch.ids, 1: batch.mask}, place, share_inputs=True)
        queue.wait_all()
        return list(hidden)

    return padded_job(batches, run)

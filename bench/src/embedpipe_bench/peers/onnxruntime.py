"""ONNX Runtime on the exported graph and what its transformer optimizer makes of it; int8 too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from embedpipe_bench.peers.common import (
    NOT_HELD,
    Batch,
    Batching,
    Candidate,
    Entry,
    Floats,
    Job,
    Options,
    Work,
    in_parallel,
    padded_batches,
    padded_job,
)
from embedpipe_bench.peers.onnx_export import INPUTS, OUTPUT, export_onnx

__all__ = ["OnnxRuntimePeer"]

SPARK_NLP_BATCHES = Batching(8, is_sorted=False)
"""What Spark NLP makes of a column unless told otherwise."""


class OnnxRuntimePeer:
    """All graph optimizations; threads inside a batch, or a batch for each thread.

    It cannot be held to an instruction set: its kernels ask the processor alone.
    """

    name = "onnxruntime"
    needs = ("onnxruntime", "onnx", "torch", "transformers")
    entries = (Entry("float32"), Entry("float32", batching=SPARK_NLP_BATCHES), Entry("int8"))
    isa_environment = NOT_HELD
    isa_reservation = "not held to it"

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Both graphs, each way of forming batches, each division of the threads."""
        exported = export_onnx(model, cache, "eager")
        graphs = {"exported": exported, "fused": _fused(exported, model)}
        if entry.precision == "int8":
            graphs = {
                f"{name}{', reduced range' if is_reduced else ''}": _quantized(graph, is_reduced)
                for name, graph in graphs.items()
                for is_reduced in (False, True)
            }
        for name, graph in graphs.items():
            for batching in options.batchings(entry):
                for at_a_time, threads in options.divisions():
                    yield Candidate(
                        f"{name} graph, {batching}, {at_a_time} x {threads} threads",
                        partial(
                            _job,
                            graph=graph,
                            batching=batching,
                            at_a_time=at_a_time,
                            threads=threads,
                        ),
                    )


def _fused(exported: Path, model: Path) -> Path:
    """The graph with attention, embeddings, LayerNorm and GELU each fused into one operator."""
    path = exported.with_name(f"fused-onnxruntime{version('onnxruntime')}-{exported.name}")
    if path.exists():
        return path
    from onnxruntime.transformers import optimizer

    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    optimized = optimizer.optimize_model(
        str(exported),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
    )
    if not optimized.get_fused_operator_statistics()["Attention"]:
        raise RuntimeError(
            f"ONNX Runtime's optimizer fused no attention in {exported}; its result would not be "
            "its best. Use the versions of torch and transformers that pyproject.toml names."
        )
    unfinished = path.with_suffix(".unfinished")
    optimized.save_model_to_file(str(unfinished))
    return unfinished.replace(path)


def _quantized(graph: Path, is_reduced: bool) -> Path:
    """The graph with int8 weights, a scale for each channel, and activations quantized as met.

    is_reduced: weights of 7 bits, which keeps sums of pairs from overflowing 16 bits on processors
    without VNNI, and takes some accuracy on all.
    """
    path = graph.with_name(f"int8-{'reduced-' if is_reduced else ''}{graph.name}")
    if path.exists():
        return path
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    unfinished = path.with_suffix(".unfinished")
    quantize_dynamic(
        graph,
        unfinished,
        per_channel=True,
        reduce_range=is_reduced,
        # of what comes from fused operators, whose results onnx cannot tell
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    return unfinished.replace(path)


def _job(work: Work, *, graph: Path, batching: Batching, at_a_time: int, threads: int) -> Job:
    import onnxruntime

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = threads
    session_options.inter_op_num_threads = 1
    session_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        graph, session_options, providers=["CPUExecutionProvider"]
    )
    # The optimizer narrows the fused graph's inputs to int32.
    narrow = session.get_inputs()[0].type == "tensor(int32)"
    batches = padded_batches(work.sequences, batching, np.int32 if narrow else np.int64)

    def hidden_states(batch: Batch) -> Floats:
        feeds = dict(zip(INPUTS, (batch.ids, batch.mask), strict=True))
        states: Floats = session.run([OUTPUT], feeds)[0]
        return states

    return padded_job(batches, in_parallel(hidden_states, batches, at_a_time))

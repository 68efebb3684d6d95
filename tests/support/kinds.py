"""Which tests take long, and which need the trained model: `make test-quick` leaves both out.

Beginnings of pytest's names of tests, below `tests/`. Slow is what took a quarter of a second or
more in a module that takes seconds (`pytest --durations=100` shows it).
"""

from __future__ import annotations

SLOW = (
    "bench/test_bench_command.py",
    "bench/test_bench_timing.py",
    "cli/test_cli_embed.py::test_on_a_terminal",
    "cli/test_cli_embed.py::test_in_a_pipe",
    "cli/test_cli_interrupt.py",
    "cli/test_cli_memory.py",
    "cli/test_cli_streams.py",
    "encoder/test_encoder.py::test_progress_moves",
    "encoder/test_travel.py::test_a_damaged_pickle",
    "engine/test_native.py::test_bits_do_not_depend",
    "engine/test_native.py::test_ctrl_c",
    "engine/test_native_robustness.py",
    "engine/test_packed_cache_failures.py",
    "engine/test_precisions.py::test_every_published_size",
    "formats/test_format_tf_graph.py::test_a_message_of_too_many_fields",
    "formats/test_reader_memory.py",
    "formats/test_safetensors.py::test_any_header",
    "formats/test_safetensors.py::test_mutated_files",
    "fuzz/",
    "hub/test_fetch_processes.py",
    "saving/test_bundle.py::test_every_changed_byte",
    "saving/test_travel.py",
    "stages/test_compatibility.py",
    "stages/test_spark_nlp_goldens.py",
    "stages/test_spark_nlp_structure.py",
    "test_exports.py",
    "text/test_text_goldens.py",
    "text/test_text_sentence_rules.py::test_sentences_are_those",
    "text/test_text_sentences.py::test_long_lines",
    "text/test_text_words.py::test_long_lines",
)
TRAINED_MODEL: tuple[str, ...] = ()

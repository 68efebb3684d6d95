"""Makes a student of a teacher: reads, labels, begins, learns, measures, writes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedpipe._dependencies import require
from embedpipe.encoder import Encoder
from embedpipe.engine.threads import check_threads
from embedpipe.errors import ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.output import AtomicDirectory, check_output
from embedpipe.train.distillation.checkpoint import Checkpoint
from embedpipe.train.distillation.development import read_development
from embedpipe.train.distillation.options import DistilOptions, checkpoint_folder
from embedpipe.train.distillation.texts import read_texts
from embedpipe.train.unfinished import note_output

__all__ = ["DistilSummary", "distil"]


@dataclass(frozen=True)
class DistilSummary:
    """What was made. score: of the best student; teacher_score: of the teacher, on the same data.

    texts: distinct ones. labelled: those whose vectors were not in the cache. step: how many were
    taken, of `steps`; best_step: the one whose student was kept.
    """

    output: str
    score: float
    teacher_score: float
    texts: int
    labelled: int
    step: int
    steps: int
    best_step: int
    seconds: float


def distil(  # noqa: PLR0913
    teacher: str | os.PathLike[str] | None,
    text: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    options: DistilOptions,
    *,
    development: str | os.PathLike[str] | None = None,
    reading: InputOptions | None = None,
    cache: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    restart: bool = False,
    finish: bool = False,
    progress: bool = False,
) -> DistilSummary:
    """Make a small student of a teacher, as a folder of sentence-transformers' layout.

    A process that was killed goes on where it was when the same is asked again, to the same bits.
    Its state stands in a folder beside `output`, which goes when that is complete.

    Args:
        teacher: a name or path for `Encoder.load`. text: files, folders and patterns of texts, in
            any format that `embedpipe embed` reads.
        output: the folder to make, whole or not at all. options: the student, and how it learns.
        development: pairs with scores (`sentence1`, `sentence2`, `score`), on which the best
            student is chosen; None chooses by the cosine to the teacher's vectors on texts that are
            held out.
        reading: how `text` is read. cache: where the teacher's vectors are kept; None for
            embedpipe's own cache.
        overwrite: whether an output that is there is replaced. restart: whether the state of an
            unfinished run is thrown away. finish: write the best student of an unfinished run, and
            learn no more.
        progress: show bars on standard error.

    Raises:
        ParameterError: options, layers or widths that do not fit the teacher.
        OutputError: an output that is there, a state of other settings, a disk that is full.
        InputError: too few texts, unreadable files.
        TrainingError: a loss that is no number.
        MissingDependencyError: PyTorch or transformers is not installed.

    Warns:
        TrainingDataWarning: development texts stood in the training texts, and were left out.
    """
    begun = time.monotonic()
    torch = require("torch", "training", extra="train")
    require("transformers", "training", extra="train")
    if finish and restart:
        raise ParameterError(
            "finish and restart: one writes what an unfinished run has learned, the other throws "
            "it away; expected one of the two"
        )
    sources = [text] if isinstance(text, (str, os.PathLike)) else list(text)
    read = [each for each in (teacher, options.base, development) if each is not None]
    check_output(output, overwrite=overwrite, folder=True, inputs=[*sources, *read])
    folder = AtomicDirectory(output, replace=overwrite)
    threads = check_threads(options.threads)
    torch.set_num_threads(threads)
    encoder = Encoder.load(teacher, precision=options.teacher_precision, threads=threads)
    base = encoder if options.base is None else Encoder.load(options.base, threads=threads)
    pairs = None if development is None else read_development(development)
    texts = read_texts(
        [os.fspath(source) for source in sources],
        reading,
        without=() if pairs is None else pairs.texts,
        progress=progress,
    )
    from embedpipe.train.distillation.plan import Plan
    from embedpipe.train.distillation.preparing import prepare
    from embedpipe.train.distillation.writing import write_result

    plan = Plan.of(options, encoder, base, threads)
    record = plan.record() | {
        "texts": texts.digest,
        "development": None if pairs is None else pairs.digest,
    }
    state = checkpoint_folder(Path(output))
    kept = None if cache is None else Path(cache)
    with Checkpoint.opened(state, record, restart=restart) as checkpoint:
        if finish and not checkpoint.path.exists():
            raise ParameterError(f"finish: there is no state in {state}; leave out --finish")
        ready = prepare(plan, texts.texts, pairs, checkpoint, cache=kept, progress=progress)
        learning = ready.learning
        if finish:
            learning.finish()
        else:
            learning.run()
        note_output(state, folder.temporary)
        with folder:
            quality = write_result(folder, plan, texts, ready)
        checkpoint.remove()
    return DistilSummary(
        output=os.fspath(output),
        score=quality[1].score,
        teacher_score=quality[0].score,
        texts=len(texts.texts),
        labelled=ready.targets.computed,
        step=learning.step,
        steps=learning.steps,
        best_step=learning.best_step,
        seconds=time.monotonic() - begun,
    )

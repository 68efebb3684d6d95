"""Downloads a model from a Hugging Face repository, into the cache of huggingface_hub.

Its settings come first: what cannot run is refused before its weights are fetched.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from embedpipe._dependencies import require
from embedpipe.environment import hub_cache_directory, is_offline
from embedpipe.errors import DownloadError, EmbedpipeError, EmbedpipeWarning, ModelFormatError
from embedpipe.files.hashes import sha256_of
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.layout import (
    CONFIG,
    MODULES,
    TOKENIZER_FILES,
    VOCABULARIES,
    WEIGHTS,
    index_of,
)
from embedpipe.hub.catalog_file import Source
from embedpipe.hub.disk import check_room, writing_into
from embedpipe.hub.hub_cache import is_settled, snapshot
from embedpipe.hub.names import HubName
from embedpipe.hub.retries import (
    TransientError,
    http_errors,
    status_error,
    unanswered,
    with_retries,
)

__all__ = ["fetch_repository", "repository_folder", "wanted_files"]

_STEPS = re.compile(r"[0-9]{1,2}_\w{1,50}/config\.json|(config_)?sentence_[a-z_]{1,50}\.json")
"""sentence-transformers' settings, beside its list of steps."""
_DENSE = re.compile(r"([0-9]{1,2}_Dense\w{0,40}/)(model\.safetensors|pytorch_model\.bin)")
"""The weights of its Dense steps."""
_CACHE_VARIABLE = "HF_HOME"
_SHA256 = re.compile("[0-9a-f]{64}")
_SECONDS = 10.0


def fetch_repository(source: Source, check_size: Callable[[int], None]) -> tuple[Path, list[str]]:
    """The folder of a repository's files in the Hugging Face cache, and the names of those needed.

    What is in that cache already is used without asking; nothing in it is changed or removed.
    Raises DownloadError that says why the files cannot be had, or that they are not the published
    ones.
    """
    folder, names = _here(source)
    if folder is None:
        if is_offline():
            raise DownloadError(
                f"{source.repository}: not in the Hugging Face cache, and no server is asked "
                "when offline"
            )
        folder, names = with_retries(lambda: _download(source, check_size), str(source.repository))
    else:
        for name in names:
            _check_published(folder / name, None)
    _check_expected(folder, source.files)
    return folder, names


def repository_folder(name: HubName) -> Path:
    """The folder in the Hugging Face cache of a repository's model, fetched if it is not there.

    What is there is used as it is. Raises ModelFormatError for a model that cannot run here,
    DownloadError if the files cannot be had.
    """
    source = Source("huggingface", repository=name.repository, revision=name.revision)
    folder, _ = _here(source)
    if folder is None:
        remedy = f"Get it where there is a network: hf download {name.repository}"
        if is_offline():
            raise DownloadError(
                f"{name.repository} is not on this machine, and no server is asked as "
                f"EMBEDPIPE_OFFLINE or HF_HUB_OFFLINE is set. {remedy}"
            )
        try:
            folder, _ = with_retries(lambda: _download(source, lambda _: None), name.repository)
        except DownloadError as error:
            if not isinstance(error.__cause__, TransientError):
                raise
            raise DownloadError(f"{error}. {remedy}, and bring its cache here") from error
    return folder


def _here(source: Source) -> tuple[Path | None, list[str]]:
    """The folder in the cache with a whole model, or None, and the names of its files."""
    folder = snapshot(str(source.repository), source.revision)
    names = wanted_files(_names_below(folder)) if folder is not None else []
    if folder is None or not names:
        return None, []
    if not is_settled(folder):
        if not is_offline():
            return None, []
        warnings.warn(
            f"{source.repository}: the copy in the Hugging Face cache may lack settings of "
            "sentence-transformers, such as its pooling, as transformers does not fetch them; "
            "without a network they cannot be asked for",
            EmbedpipeWarning,
            stacklevel=2,
        )
    return folder, names


def wanted_files(names: Iterable[str]) -> list[str]:
    """Of the files of a repository, those of the model; none unless it is complete.

    >>> wanted_files(["README.md", "config.json", "vocab.txt", "pytorch_model.bin", "tf_model.h5"])
    ['config.json', 'pytorch_model.bin', 'vocab.txt']
    """
    there = set(names)
    weights: set[str] = set()
    for name in WEIGHTS:
        stem, _, suffix = name.rpartition(".")
        shards = {n for n in there if re.fullmatch(rf"{stem}-\d+-of-\d+\.{suffix}", n)}
        index = index_of(name)
        if name in there:
            weights = {name}
        elif index in there and _all_shards(shards):
            weights = {index, *shards}
        if weights:
            break
    if not weights or CONFIG not in there or not there & set(VOCABULARIES):
        return []
    settings = there & {CONFIG, MODULES, *TOKENIZER_FILES} | set(filter(_STEPS.fullmatch, there))
    return sorted(weights | settings | _dense_weights(there))


def _dense_weights(names: Iterable[str]) -> set[str]:
    """The weights of Dense steps, one file of each."""
    found = {
        match[1]: match[0]
        for name in sorted(names, reverse=True)
        if (match := _DENSE.fullmatch(name))
    }
    return set(found.values())


def _all_shards(shards: set[str]) -> bool:
    counts = {int(name.rpartition("-of-")[2].partition(".")[0]) for name in shards}
    return counts == {len(shards)}


def _names_below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _download(source: Source, check_size: Callable[[int], None]) -> tuple[Path, list[str]]:
    hub = require("huggingface_hub", "a model from Hugging Face")
    errors = require("huggingface_hub.errors", "a model from Hugging Face")
    name = str(source.repository)
    cache = hub_cache_directory()
    with writing_into(cache, variable=_CACHE_VARIABLE):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            return _asked(hub, name, source.revision, check_size)
        except errors.HfHubHTTPError as error:
            raise _refusal(name, error) from error
        except errors.LocalEntryNotFoundError as error:  # stands for every failure to connect
            raise TransientError("the server cannot be reached", attempts=3) from error
        except http_errors("HTTPError") as error:
            raise unanswered(error) from error
        except EmbedpipeError:
            raise
        except errors.HFValidationError as error:
            raise DownloadError(f"{name} is no name of a repository: {error}") from error
        except ValueError as error:
            raise DownloadError(f"{name}: the server answers with no listing of files") from error
        except OSError as error:
            if error.errno is None:
                raise TransientError("another number of bytes came than was announced") from error
            raise


def _asked(
    hub: Any, name: str, revision: str | None, check_size: Callable[[int], None]
) -> tuple[Path, list[str]]:
    facts = hub.HfApi().model_info(name, revision=revision, files_metadata=True, timeout=_SECONDS)
    published = {file.rfilename: file for file in facts.siblings or ()}
    names = wanted_files(published)
    if CONFIG in published:
        _check_architecture(Path(hub.hf_hub_download(name, CONFIG, revision=facts.sha)), name)
    if not names:
        raise DownloadError(
            f"{name}: the repository holds no whole model; found "
            f"{', '.join(sorted(published)[:20]) or 'no files'}"
        )
    size = sum(published[file].size or 0 for file in names)
    # Weights that have to be converted lie there twice for a while.
    check_size(2 * size if any(file.startswith("pytorch_model") for file in names) else size)
    check_room(hub_cache_directory(), size, variable=_CACHE_VARIABLE)
    settings = [file for file in names if not file.endswith((".safetensors", ".bin"))]
    for file in settings:
        hub.hf_hub_download(name, file, revision=facts.sha)
    if MODULES not in names:  # so that the cache knows that there is none
        with suppress(require("huggingface_hub.errors", "").HfHubHTTPError):
            hub.hf_hub_download(name, MODULES, revision=facts.sha)
    _check_settings(Path(hub.hf_hub_download(name, CONFIG, revision=facts.sha)).parent, name)
    for file in set(names) - set(settings):
        hub.hf_hub_download(name, file, revision=facts.sha)
    # Under its branch, once, so that the cache knows which commit that means.
    folder = Path(hub.hf_hub_download(name, CONFIG, revision=revision)).parent
    if folder.name != facts.sha:
        raise TransientError("the repository was changed meanwhile")
    for file in names:
        large = published[file].lfs  # whose SHA-256 the repository publishes
        _check_published(folder / file, large.sha256 if large is not None else None)
    return folder, names


def _check_architecture(config: Path, name: str) -> None:
    """Raise ModelFormatError for a `config.json` of an encoder that is not computed here."""
    from embedpipe.engine.config import EncoderConfig
    from embedpipe.files.strict_json import read_json

    EncoderConfig.from_huggingface(read_json(config, dict), source=f"{name}: {CONFIG}")


def _check_settings(folder: Path, name: str) -> None:
    """Raise ModelFormatError for settings that cannot be followed, before weights are fetched."""
    from embedpipe.engine.config import EncoderConfig
    from embedpipe.formats.huggingface.sentence_transformers import read_usage
    from embedpipe.subword import make_tokenizer

    tree = open_tree(folder)
    usage = read_usage(tree)
    inner = tree.below(usage.transformer)
    try:
        config = EncoderConfig.from_huggingface(
            inner.read_json(CONFIG, dict), source=inner.where(CONFIG)
        )
        files = {n: inner.read_text_file(n) for n in (*TOKENIZER_FILES, CONFIG) if n in inner}
        make_tokenizer(files, config, source=inner.source)
    except ModelFormatError as error:
        raise ModelFormatError(f"{name} cannot be used: {error}") from error


def _refusal(name: str, error: Any) -> Exception:
    """The error for an HTTP error; the server's own message may contain secrets."""
    status = error.response.status_code
    transient = status_error(status, error.response.headers)
    if transient is not None:
        return transient
    login = "; if it is a gated repository, set HF_TOKEN" if status in (401, 403) else ""
    return DownloadError(f"{name}: the server answers {status}{login}")


def _check_published(path: Path, published: str | None) -> None:
    """Raise DownloadError unless a file of the Hugging Face cache is what it was published as.

    published: the SHA-256 in the repository's listing, if it was asked; large files lie in the
    cache under theirs. Of small files nothing is known.
    """
    real = path.resolve()
    if published is None and _SHA256.fullmatch(real.name):
        published = real.name
    found = sha256_of(real) if published is not None else None
    if found != published:
        raise DownloadError(
            f"{path} is damaged: its SHA-256 is {found}; the repository publishes {published}. "
            f"Remove {real}, and it is fetched again"
        )


def _check_expected(folder: Path, expected: Mapping[str, str]) -> None:
    """Raise DownloadError unless the files are those that the catalog means."""
    for name, digest in expected.items():
        path = folder / name
        found = sha256_of(path) if path.exists() else digest
        if found != digest:
            raise DownloadError(
                f"{path} has SHA-256 {found}; the catalog expects {digest}. The repository holds "
                "another file now"
            )

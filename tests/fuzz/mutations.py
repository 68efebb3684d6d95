"""Damages model files: by their names it is told what to take apart, archives member by member.

The same state of `rng` gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from tests.fuzz.files import (
    NAMES,
    NUMBERS,
    any_bytes,
    json_file,
    message,
    packed,
    pickle_file,
    safetensors_file,
    sequence_file,
    table_file,
)


def damage(rng: Random, name: str, content: bytes) -> bytes:
    """A damaged copy of a file of this name; one time in three it is taken for mere bytes."""
    change = any_bytes if rng.random() < 0.33 else _change_for(name)
    for _ in range(1 if rng.random() < 0.7 else rng.randint(2, 4)):
        content = change(rng, content)
    return content


def damage_files(rng: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a folder with one damaged, left out, doubled, renamed or exchanged."""
    changed = dict(files)
    name, other = rng.choice(list(files)), rng.choice(list(files))
    kind = rng.random()
    if kind < 0.85:
        changed[name] = damage(rng, name, files[name])
    elif kind < 0.9:
        del changed[name]
    elif kind < 0.95:
        changed[name] = files[other]
    else:
        changed[rng.choice((*NAMES, f"{name}/{other}", f"a/{name}"))] = changed.pop(name)
    return changed


def zip_file(rng: Random, content: bytes) -> bytes:
    """A member damaged, renamed, doubled, packed again or made a link; or a record's fields."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:  # whatever zipfile thinks of damaged archives
        return any_bytes(rng, content)
    if rng.random() < 0.2:
        return _zip_records(rng, content)
    index = rng.randrange(len(members)) if members else 0
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for number, (info, inside) in enumerate(members):
            _add_member(rng, archive, info, inside, chosen=number == index)
    return target.getvalue()


def _add_member(
    rng: Random, archive: zipfile.ZipFile, info: zipfile.ZipInfo, inside: bytes, *, chosen: bool
) -> None:
    member = zipfile.ZipInfo(info.filename)
    member.compress_type = info.compress_type
    kind = rng.randrange(10) if chosen else 0
    if chosen and kind < 5:
        inside = damage(rng, info.filename, inside)
    elif kind == 5:
        name = rng.choice(NAMES).encode("utf-8", "replace").decode()
        member.filename = name or "/"
    elif kind == 6:
        twin = zipfile.ZipInfo(info.filename + rng.choice(("", "/", "/x")))  # of no time of day
        archive.writestr(twin, inside)
    elif kind == 7:
        member.external_attr = rng.choice((0o120777, 0o020666, 0o040755, 0o100644)) << 16
    elif kind == 8:
        nested = io.BytesIO()
        with zipfile.ZipFile(nested, "w", zipfile.ZIP_DEFLATED) as inner:
            inner.writestr(zipfile.ZipInfo(info.filename), inside, zipfile.ZIP_DEFLATED)
        inside = nested.getvalue()
    elif kind == 9:
        member.compress_type = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
        inside = bytes(rng.choice((10, 1000, 100_000)))
    archive.writestr(member, inside)


def _zip_records(rng: Random, content: bytes) -> bytes:
    """Two or four bytes of a header, of a directory's entry or of the end record replaced."""
    data = bytearray(content)
    marks = (b"PK\1\2", b"PK\3\4", b"PK\5\6")
    places = [i for i in range(len(data) - 4) if data[i : i + 4] in marks]
    begin = rng.choice(places) + 4 + 2 * rng.randrange(21)
    number = rng.choice((packed(rng), rng.randbytes(2), rng.randbytes(4)))
    data[begin : begin + len(number)] = number
    return bytes(data)


def tar_file(rng: Random, content: bytes) -> bytes:
    """A member damaged, renamed, doubled, cut short or made a link, its checksum right."""
    target = io.BytesIO()
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = [(info, archive.extractfile(info)) for info in archive]
            contents = [(info, file.read() if file else b"") for info, file in members]
    except Exception:  # whatever tarfile thinks of damaged archives
        return any_bytes(rng, content)
    index = rng.randrange(len(contents)) if contents else 0
    layout = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=target, mode="w", format=layout) as archive:
        for number, (info, inside) in enumerate(contents):
            changed = _change_member(rng, info, inside) if number == index else inside
            info.size = len(changed)
            for _ in range(2 if number == index and rng.random() < 0.1 else 1):
                archive.addfile(info, io.BytesIO(changed))
    whole = target.getvalue()
    if rng.random() < 0.1:
        whole = _claimed_size(rng, whole)
    return gzip.compress(whole, 1) if rng.random() < 0.7 else whole


def _change_member(rng: Random, info: tarfile.TarInfo, inside: bytes) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        info.name = rng.choice(NAMES).encode("utf-8", "replace").decode() or "/"
    elif kind == 1:
        info.type = rng.choice(
            (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"x", b"g", b"L", b"K", b"\xff")
        )
        info.linkname = rng.choice(("../../escaped", "/escaped", "model"))
    elif kind == 2:
        return tarfile_of(info.name, inside)
    else:
        return damage(rng, info.name.rpartition("/")[2], inside)
    return inside


def tarfile_of(name: str, content: bytes) -> bytes:
    """An archive of one member."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _claimed_size(rng: Random, archive: bytes) -> bytes:
    """A header that claims another size, with the checksum that fits."""
    header = bytearray(archive[:512])
    size = rng.choice(NUMBERS) % 2**63
    header[124:136] = (
        f"{size:011o}".encode() + b"\0" if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    )
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}".encode() + b"\0 "
    return bytes(header) + archive[512:]


def gzip_file(rng: Random, content: bytes) -> bytes:
    """The archive inside damaged, or bytes of the compressed file."""
    try:
        inside = gzip.decompress(content)
    except (OSError, EOFError, ValueError):
        return any_bytes(rng, content)
    return tar_file(rng, inside)


def torch_file(rng: Random, content: bytes) -> bytes:
    """PyTorch's file: a zip archive, or pickles with bytes behind them."""
    return (zip_file if content.startswith(b"PK") else pickle_file)(rng, content)


_CHANGES: tuple[tuple[tuple[str, ...], Callable[[Random, bytes], bytes]], ...] = (
    ((".json", "metadata/part-00000"), json_file),
    ((".safetensors",), safetensors_file),
    ((".bin",), torch_file),
    ((".pkl",), pickle_file),
    ((".index",), table_file),
    ((".pb", ".onnx", ".model", ".message"), message),
    (("part-00000",), sequence_file),
    ((".zip", "bert_tensorflow", "bert_onnx"), zip_file),
    ((".tar",), tar_file),
    ((".tar.gz",), gzip_file),
)


def _change_for(name: str) -> Callable[[Random, bytes], bytes]:
    return next((change for endings, change in _CHANGES if name.endswith(endings)), any_bytes)

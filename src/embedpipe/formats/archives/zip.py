"""Zip archives from anywhere: members as bytes, checked before use, nothing extracted to a place.

A stored member is a view of the mapped file; a compressed one is inflated into a file without name,
which is mapped and vanishes with its last use. So an archive costs disk space, not memory.
Python's zipfile would make an object of each entry of a directory, however many there are, before
any limit could be applied, and read past contradictions; here they are errors. Layout: PKWARE's
APPNOTE.TXT. Errors that are raised here name the archive and the member.
"""

from __future__ import annotations

import mmap
import stat
import struct
import tempfile
import zlib
from pathlib import PurePosixPath
from typing import NamedTuple

from embedpipe.errors import ModelFormatError

__all__ = ["LARGEST_TOTAL", "MOST_MEMBERS", "STEEPEST_RATIO", "ZipArchive", "check_member_name"]

MOST_MEMBERS = 4096
"""Members of an archive: a saved pipeline has hundreds, a large PyTorch model about 400."""
LARGEST_TOTAL = 32 * 2**30
"""Bytes of all members together, inflated: four times the largest encoder's."""
STEEPEST_RATIO = 100
"""Inflated to compressed size, of members beyond a megabyte: weights reach 1.1, vocabularies 4."""

_SMALL = 2**20
_PIECE = 2**20  # bytes inflated at once

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 2**16 - 1
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1 | 0x40
_ZIP64 = 0xFFFFFFFF


class _Member(NamedTuple):
    """A file in the archive, as the central directory describes it."""

    name: str
    method: int
    crc: int
    compressed: int
    size: int
    header: int  # position of its local header


class ZipArchive:
    """The members of a zip archive; `source` names it in errors.

    Raises ModelFormatError for what is no zip file, for one that is damaged or encrypted, for more
    than MOST_MEMBERS, LARGEST_TOTAL or STEEPEST_RATIO, and for members that are links or devices,
    that have the same name, that overlap, or whose names lead out of the archive.
    """

    def __init__(self, data: memoryview, source: str) -> None:
        """Read the directory of the archive; members are read when asked for."""
        self.source = source
        self._data = data
        self._members: dict[str, _Member] = {}
        begin, size, count = self._directory()
        self._read_directory(data[begin : begin + size], count)
        self._check_members(begin)

    @property
    def names(self) -> tuple[str, ...]:
        """The files in it, as relative paths with slashes; folders are not listed."""
        return tuple(self._members)

    def size(self, name: str) -> int:
        """Bytes of a member, as the directory claims; `read` finds out whether it is true."""
        return self._members[name].size

    def read(self, name: str) -> memoryview:
        """The contents of a member, after its size and checksum have been compared."""
        member = self._members[name]
        content = self._content(member)
        if member.method == _DEFLATED:
            return self._inflate(member, content)
        if zlib.crc32(content) != member.crc:
            raise self._wrong(f"member {name[:80]!r}: its checksum does not fit its bytes")
        return content

    def _directory(self) -> tuple[int, int, int]:
        """Position and size of the central directory, and how many entries it claims."""
        data = self._data
        tail = bytes(data[-_END.size - _LONGEST_COMMENT :])
        place = tail.rfind(b"PK\5\6")
        if place < 0 or len(tail) - place < _END.size:
            raise self._wrong("it has no end record: no zip file, or cut off")
        position = len(data) - len(tail) + place
        _, disk, _, here, count, size, begin, comment = _END.unpack_from(tail, place)
        if _ZIP64 in (size, begin) or count == 0xFFFF:
            position, here, count, size, begin = self._directory64(position)
            disk = comment = 0
            end = position
        else:
            end = position + _END.size + comment
            if end != len(data):
                raise self._wrong(f"it ends at byte {end} of {len(data)}")
            end = position
        if disk or here != count:
            raise self._wrong("it is one part of several; expected a whole archive")
        if count > MOST_MEMBERS:
            raise ModelFormatError(
                f"{self.source} has {count} members; at most {MOST_MEMBERS} are allowed. "
                "Unpack it yourself if you trust it, and give the folder"
            )
        if begin + size > end:
            raise self._wrong(f"its directory claims bytes {begin} to {begin + size} of {end}")
        return begin, size, count

    def _directory64(self, end: int) -> tuple[int, int, int, int, int]:
        """The same from the records of archives beyond 4 GiB."""
        data = self._data
        start = end - _END64_LOCATOR.size
        if start < 0:
            raise self._wrong("it lacks the locator of a zip64 archive")
        signature, _, position, _ = _END64_LOCATOR.unpack_from(data, start)
        if signature != b"PK\6\7" or position + _END64.size > start:
            raise self._wrong("it lacks the end record of a zip64 archive")
        record = _END64.unpack_from(data, position)
        signature, *_, here, count, size, begin = record
        if signature != b"PK\6\6":
            raise self._wrong("it lacks the end record of a zip64 archive")
        return position, here, count, size, begin

    def _read_directory(self, directory: memoryview, count: int) -> None:
        position = 0
        for _ in range(count):
            if position + _CENTRAL.size > len(directory):
                raise self._wrong("its directory is cut off")
            fields = _CENTRAL.unpack_from(directory, position)
            name_size, extra_size, comment_size = fields[10:13]
            position += _CENTRAL.size
            end = position + name_size + extra_size + comment_size
            if fields[0] != b"PK\1\2" or end > len(directory):
                raise self._wrong("its directory is damaged")
            name = self._decoded(bytes(directory[position : position + name_size]), fields[3])
            extra = directory[position + name_size : position + name_size + extra_size]
            position = end
            self._add(name, fields, extra)

    def _decoded(self, name: bytes, flags: int) -> str:
        try:
            return name.decode("utf-8" if flags & 0x800 else "ascii")
        except UnicodeDecodeError as error:
            raise self._wrong(f"the name {name[:80]!r} is not UTF-8") from error

    def _add(self, name: str, fields: tuple[int, ...], extra: memoryview) -> None:
        """Check one entry of the directory by itself."""
        flags, method = fields[3], fields[4]
        mode = fields[15] >> 16
        shown = f"member {name[:80]!r}"
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ModelFormatError(
                f"{self.source}: {shown} is a link or a device; expected files and folders. "
                "Do not use this archive: models have none"
            )
        check_member_name(name, self.source)
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            found = "encrypted" if flags & _ENCRYPTED else f"compressed by method {method}"
            raise ModelFormatError(
                f"{self.source}: {shown} is {found}; embedpipe reads stored and deflated members. "
                "Unpack it yourself and give the folder"
            )
        size, compressed, header = self._long_sizes(fields, extra, shown)
        if name.endswith("/"):
            return
        if name in self._members:
            raise self._wrong(f"{shown} occurs twice")
        if size > _SMALL and size > STEEPEST_RATIO * compressed:
            raise ModelFormatError(
                f"{self.source}: {shown} claims {size} bytes from {compressed} compressed ones; "
                f"a ratio of at most {STEEPEST_RATIO} is allowed, which no model's files exceed. "
                "Do not use this archive"
            )
        self._members[name] = _Member(name, method, fields[7], compressed, size, header)

    def _long_sizes(
        self, fields: tuple[int, ...], extra: memoryview, shown: str
    ) -> tuple[int, int, int]:
        """Size, compressed size and header position; beyond 4 GiB they stand in the extra field."""
        values = [fields[9], fields[8], fields[16]]
        wanted = [index for index, value in enumerate(values) if value == _ZIP64]
        position = 0
        while wanted and position + 4 <= len(extra):
            kind, length = struct.unpack_from("<2H", extra, position)
            if kind == 1 and 8 * len(wanted) <= length <= len(extra) - position - 4:
                longs = struct.unpack_from(f"<{len(wanted)}Q", extra, position + 4)
                for index, value in zip(wanted, longs, strict=True):
                    values[index] = value
                wanted = []
            position += 4 + length
        if wanted:
            raise self._wrong(f"{shown} lacks its zip64 sizes")
        return values[0], values[1], values[2]

    def _check_members(self, end: int) -> None:
        """Members must lie before the directory, one after another, and not grow too large."""
        total = sum(member.size for member in self._members.values())
        if total > LARGEST_TOTAL:
            raise ModelFormatError(
                f"{self.source} claims {total} bytes inflated; at most {LARGEST_TOTAL} are allowed."
                " Unpack it yourself if you trust it, and give the folder"
            )
        covered = 0
        for member in sorted(self._members.values(), key=lambda member: member.header):
            if member.header < covered:
                raise self._wrong(f"member {member.name[:80]!r} overlaps the one before it")
            covered = member.header + _LOCAL.size + member.compressed
            if covered > end:
                raise self._wrong(f"member {member.name[:80]!r} reaches beyond the archive")
        folders = {str(parent) for name in self.names for parent in PurePosixPath(name).parents}
        both = folders.intersection(self._members)
        if both:
            raise self._wrong(f"{min(both)[:80]!r} is a file and a folder")

    def _content(self, member: _Member) -> memoryview:
        """The bytes after the local header, still compressed."""
        fields = _LOCAL.unpack_from(self._data, member.header)
        begin = member.header + _LOCAL.size + fields[9] + fields[10]
        if fields[0] != b"PK\3\4" or begin + member.compressed > len(self._data):
            raise self._wrong(f"member {member.name[:80]!r} is not where the directory says")
        if member.method == _STORED and member.compressed != member.size:
            raise self._wrong(f"member {member.name[:80]!r} is stored, but has two sizes")
        return self._data[begin : begin + member.compressed]

    def _inflate(self, member: _Member, content: memoryview) -> memoryview:
        shown = f"member {member.name[:80]!r}"
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        crc = size = 0
        try:
            with tempfile.TemporaryFile() as file:
                for begin in range(0, len(content), _PIECE):
                    _release(self._data)
                    piece: bytes | memoryview = content[begin : begin + _PIECE]
                    while piece and size <= member.size:
                        inflated = inflater.decompress(piece, _PIECE)
                        piece = inflater.unconsumed_tail
                        crc = zlib.crc32(inflated, crc)
                        size += len(inflated)
                        file.write(inflated)
                if size > member.size:
                    raise self._wrong(f"{shown} inflates to more than the {member.size} it claims")
                if size < member.size or not inflater.eof:
                    raise self._wrong(f"{shown} inflates to {size} of {member.size} bytes")
                if crc != member.crc:
                    raise self._wrong(f"{shown}: its checksum does not fit its bytes")
                if not size:
                    return memoryview(b"")
                file.flush()
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except zlib.error as error:
            raise self._wrong(f"{shown} cannot be inflated ({error})") from error
        except OSError as error:
            raise ModelFormatError(
                f"{self.source}: {shown} cannot be inflated into {tempfile.gettempdir()}: {error}. "
                "Set TMPDIR to a folder with more space"
            ) from error

    def _wrong(self, finding: str) -> ModelFormatError:
        return ModelFormatError(
            f"{self.source} is damaged or no zip archive: {finding}. Get a new copy of it"
        )


def _release(data: memoryview) -> None:
    """Give back the memory of a mapped file; what is touched again is read again."""
    if isinstance(data.obj, mmap.mmap):
        data.obj.madvise(mmap.MADV_DONTNEED)


def check_member_name(name: str, source: str) -> None:
    """Raise ModelFormatError for a name that, unpacked, would lie elsewhere on any system."""
    path = name.removesuffix("/")
    parts = path.split("/")
    if (
        path
        and not any(part in ("", ".", "..") for part in parts)
        and not any(character in path for character in "\\:\0")
    ):
        return
    raise ModelFormatError(
        f"{source}: the member name {name[:80]!r} is not a relative path inside the archive. "
        "Do not use this archive: models have no such names"
    )

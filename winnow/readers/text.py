"""Text files as blocks of whole lines in UTF-8, whatever their encoding and
compression.
"""

from __future__ import annotations

import codecs
import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from winnow.core.errors import InputError

SAMPLE_BYTES = 1 << 20
"""Bytes of a file from which its encoding and layout are told."""

LINE_BYTES = 1 << 20
"""The longest line, and the longest record of several lines, that is read."""

_JUDGED_BYTES = 1 << 14
_TELLING_LETTERS = 64
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_WESTERN = frozenset({"cp1252", "latin_1", "iso8859_15"})
_GZIP_MAGIC = b"\x1f\x8b"
_NOT_IN_WORDS = (b"\xfe", b"\xff")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Block(NamedTuple):
    """Whole lines in UTF-8 (bytes that are not UTF-8 stay as they are), and the bytes
    on disk behind them.
    """

    data: bytes
    bytes_read: int
    is_last: bool


class Chunk(NamedTuple):
    """Some text of a file, and the bytes on disk behind it."""

    text: str
    bytes_read: int
    is_last: bool


class _Stream:
    """A file's bytes, unpacked where it is gzip, with the count of bytes read from
    disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except IsADirectoryError:
            raise InputError(f"{path} is a folder, not a file.") from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        is_gzip = self._file.read(2) == _GZIP_MAGIC
        self._file.seek(0)
        self._bytes: IO[bytes] = self._file
        if is_gzip:
            self._bytes = io.BufferedReader(gzip.GzipFile(fileobj=self._file))
        elif path.suffix == ".gz":
            raise InputError(f"{path} is named .gz but is not gzip data.")

    def read(self, size: int) -> bytes:
        try:
            return self._bytes.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{self.path} cannot be unpacked: its gzip is broken or ends early."
            ) from error

    @property
    def position(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._bytes.close()
        self._file.close()


def read_sample(path: Path) -> bytes:
    """The first MiB of a file, unpacked. Raises InputError when it cannot be read or
    holds nothing.
    """
    stream = _Stream(path)
    try:
        sample = stream.read(SAMPLE_BYTES)
    finally:
        stream.close()
    if not sample.strip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0"):
        raise InputError(f"{path} is empty.")
    return sample


def find_encoding(path: Path, sample: bytes) -> str:
    """The encoding of a text file: by its byte order mark, else UTF-8, else
    Windows-1252.

    A file counts as Windows-1252 only when lines that are not UTF-8 are most of those
    that hold bytes above 127, more than 1 in 100 of all, and free of the bytes FE and
    FF, which no word has; otherwise such lines are faults of a UTF-8 file. Raises
    InputError for what is no text, and for text that reads like another encoding's:
    nobody should guess between those.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    control = sum(
        sample.count(byte)
        for byte in range(32)
        if byte not in (1, 9, 10, 13, 28, 29, 30, 31)
    )
    if control > len(sample) // 50:
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if sample[first::2].count(0) > len(sample) // 4:
                raise InputError(
                    f"{path} is {encoding} without the mark that would say so: "
                    f"--encoding {encoding}."
                )
        raise InputError(f"{path} is not a text file: line 1 and on hold binary data.")
    lines = sample.split(b"\n")
    beyond_ascii = [
        line for line in lines[: max(1, len(lines) - 1)] if not line.isascii()
    ]
    broken = [line for line in beyond_ascii if not _is_utf8(line)]
    is_most = 2 * len(broken) > len(beyond_ascii) and 100 * len(broken) > len(lines)
    if not is_most or any(byte in line for line in broken for byte in _NOT_IN_WORDS):
        return "utf-8"
    undefined = sum(any(byte in line for byte in _NOT_IN_CP1252) for line in broken)
    likely = _other_encodings(b"\n".join(broken)[:_JUDGED_BYTES])
    if likely or 100 * undefined > len(broken):
        which = ", ".join(likely) or "one that its sender knows"
        raise InputError(
            f"{path}, line {lines.index(broken[0]) + 1}, is not UTF-8 and not plainly "
            f"Western; name its encoding ({which}) with --encoding, or --encoding "
            "latin-1 to read it all the same."
        )
    return "latin-1" if undefined else "cp1252"


def _other_encodings(text: bytes) -> list[str]:
    """Python's names of the encodings that the text is likely to be in, the likeliest
    first, three at most; empty where its letters are Latin, or too few to tell. A few
    tell where several bytes are one letter, as in Japanese or Chinese.
    """
    from charset_normalizer import from_bytes

    encodings = (match.encoding for match in from_bytes(text))
    likely = [name for name in encodings if "a".encode(name) == b"a"]
    if not likely or _WESTERN.intersection(likely):
        return []
    decoded = text.decode(likely[0], "replace")
    letters = [
        character
        for character in decoded
        if not character.isascii() and character.isalpha()
    ]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    is_told = len(decoded) < len(text) or len(letters) >= _TELLING_LETTERS
    return likely[:3] if is_told and 2 * latin < len(letters) else []


def decode_sample(path: Path, sample: bytes, encoding: str) -> str:
    """The sample as text with plain line ends; what cannot be decoded is replaced."""
    try:
        "".encode(encoding)  # LookupError for what is no encoding of text.
        text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    except LookupError:
        raise InputError(f"{path}: there is no encoding named {encoding!r}.") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def utf8_blocks(path: Path, encoding: str, block_bytes: int) -> Iterator[Block]:
    """The lines of a file in blocks of about ``block_bytes``; the last line ends with a
    line feed even where the file's does not.

    A line longer than LINE_BYTES is cut to one byte more, so that whoever reads it can
    tell. In files that end their lines with a carriage return alone, that is the line
    end.
    """
    stream = _Stream(path)
    try:
        to_utf8 = _Recoder(path, encoding)
        sample = read_sample(path)
        returns_end_lines = b"\r" in sample and b"\n" not in sample
        pending = b""
        skipping = False
        while True:
            chunk = stream.read(block_bytes)
            data = to_utf8.convert(chunk)
            if returns_end_lines:
                data = data.replace(b"\r", b"\n")
            if skipping:
                end = data.find(b"\n")
                skipping = end < 0 and bool(chunk)
                data = data[end:] if end >= 0 else b""
            pending += data
            if not chunk:
                if pending and not pending.endswith(b"\n"):
                    pending += b"\n"
                yield Block(pending, stream.position, is_last=True)
                return
            end = pending.rfind(b"\n") + 1
            if end:
                block, pending = pending[:end], pending[end:]
                yield Block(block, stream.position, is_last=False)
            if len(pending) > LINE_BYTES:
                pending = pending[: LINE_BYTES + 1]
                skipping = True
    finally:
        stream.close()


def text_chunks(path: Path, encoding: str, chunk_bytes: int) -> Iterator[Chunk]:
    """A file as text in chunks of about ``chunk_bytes``, cut anywhere.

    Bytes that are no text of the encoding become lone surrogates.
    """
    stream = _Stream(path)
    try:
        to_utf8 = _Recoder(path, encoding)
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        while True:
            chunk = stream.read(chunk_bytes)
            text = decoder.decode(to_utf8.convert(chunk), final=not chunk)
            yield Chunk(text, stream.position, not chunk)
            if not chunk:
                return
    finally:
        stream.close()


class _Recoder:
    """Bytes of one encoding as bytes of UTF-8. UTF-8 itself passes through as it is,
    faults included.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        try:
            name = codecs.lookup(encoding).name
            "".encode(encoding)  # LookupError for what is no encoding of text.
        except LookupError:
            raise InputError(
                f"{path}: there is no encoding named {encoding!r}."
            ) from None
        self._is_utf8 = name in ("utf-8", "utf-8-sig", "ascii")
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._at_start = True

    def convert(self, chunk: bytes) -> bytes:
        if self._is_utf8:
            data = chunk.removeprefix(codecs.BOM_UTF8) if self._at_start else chunk
        else:
            try:
                text = self._decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{self._path} is not {self._decoder.__class__.__module__}"
                    f" text: {error.reason}."
                ) from error
            data = text.encode("utf-8", "surrogateescape")
        self._at_start = False
        return data


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

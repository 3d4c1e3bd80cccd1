"""Text that a terminal shows and does not obey, and that people read."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"
"""They hide nothing: Persian words and emoji are written with them."""

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def shown(value: object, *, lines: bool = False) -> str:
    r"""``value`` as a text that a terminal shows and does not obey.

    Control characters, escape sequences, marks that turn or hide what is written, and
    bytes of a file's name that are no UTF-8 are written as ``\x1b``, ``\u202e`` or
    ``\xff``. Line feeds are, too, unless ``lines`` keeps them.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if lines and character == "\n" else _visible(character)
        for character in text
    )


def counted(count: int, what: str) -> str:
    """Such as ``1 load`` and ``2,000 loads``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@lru_cache(4096)
def _visible(character: str) -> str:
    if category(character) not in _HIDDEN or character in _JOINERS:
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

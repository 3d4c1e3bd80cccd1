"""The blocks of README and docs, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from places import PROJECT_ROOT

PAGES = [
    PROJECT_ROOT / "README.md",
    PROJECT_ROOT / "CONTRIBUTING.md",
    PROJECT_ROOT / "scaffold" / "README.md",
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
]
PROGRAMS = ("winnow", "dbt", "make")

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its language (empty where none is said), its text."""

    page: Path
    language: str
    text: str


@dataclass(frozen=True)
class DocumentedCommand:
    """A command as a page has it, without its comment, and its words from the program
    on.
    """

    page: Path
    line: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """winnow, dbt or make."""
        return Path(self.words[0]).name


def blocks() -> list[Block]:
    """Every block of every page."""
    return [
        Block(page, language, text)
        for page in PAGES
        for _, language, text in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def commands() -> list[DocumentedCommand]:
    """Every command of the blocks that say no language, in the pages' order."""
    found = []
    for block in blocks():
        if block.language:
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            bare = re.sub(r"\s+#.*", "", line).strip()
            first = next((w for w in bare.split() if not _VARIABLE.match(w)), "")
            if Path(first).name in PROGRAMS and " ─" not in bare:
                words = shlex.split(bare)
                while _VARIABLE.match(words[0]):
                    words.pop(0)
                words = words[: words.index(">")] if ">" in words else words
                found.append(DocumentedCommand(block.page, bare, tuple(words)))
    return found

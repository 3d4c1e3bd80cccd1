"""What is said of each file after a load or a validation, as lines of text."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from winnow.core.file_names import path_text

if TYPE_CHECKING:
    from winnow.load.sources import FileFacts, LeftOut

_MOST_NAMES = 20
"""Columns that are listed; a file may have thousands."""

_MOST_ALIKE = 3
"""Files left out for the same reason that are listed one by one."""


class File(Protocol):
    """A file of a load or of a validation."""

    @property
    def file(self) -> Path:
        """Its path."""

    @property
    def entity(self) -> str:
        """What it was taken for."""

    @property
    def skipped(self) -> str | None:
        """Why it was not read, None where it was."""

    @property
    def facts(self) -> FileFacts:
        """What was found out about it."""


def short_names(files: Iterable[File]) -> dict[Path, str]:
    """Each file's path below the folder that all of them are in."""
    paths = [file.file for file in files]
    if not paths:
        return {}
    shared = os.path.commonpath([path.parent for path in paths])
    return {
        path: path_text(os.path.relpath(path, shared or os.curdir)) for path in paths
    }


def column_lines(files: Sequence[File], width: int = 80) -> Iterator[str]:
    """What each file was taken for, which of its columns were used and which left over,
    and what was found out about it, in lines of ``width`` characters. Files of which
    the same is to be said share it.
    """
    names = short_names(files)
    alike: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        said = tuple(_said(file.facts))
        if said:
            alike.setdefault((file.entity, *said), []).append(names[file.file])
    for (entity, *lines), of in alike.items():
        more = f" and {len(of) - 1:,} more" if len(of) > 1 else ""
        yield f"{of[0]}{more}: {entity}"
        for line in lines:
            yield from textwrap.wrap(
                line,
                width,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )


def _said(facts: FileFacts) -> Iterator[str]:
    if facts.columns:
        used = (
            name if name == theirs else f"{name} ← {theirs}"
            for name, theirs in facts.columns.items()
        )
        yield f"columns used: {_listed(tuple(used))}"
    if facts.left_over:
        yield f"left over, kept in extra: {_listed(facts.left_over)}"
    yield from facts.notes


def file_lines(files: Iterable[File], left_out: Iterable[LeftOut]) -> Iterator[str]:
    """What was not read, and why; many files for the same reason in one line."""
    by_reason: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        if file.skipped is not None:
            by_reason.setdefault(("Skipped", file.skipped), []).append(file.file)
    for path_left_out in left_out:
        by_reason.setdefault(("Left out", path_left_out.reason), []).append(
            path_left_out.path
        )
    for (what, reason), paths in by_reason.items():
        if len(paths) <= _MOST_ALIKE:
            yield from (f"{what} {path_text(path)}: {reason}." for path in paths)
        else:
            such = path_text(paths[0])
            yield f"{what} {len(paths):,} files or folders such as {such}: {reason}."


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return shown if more <= 0 else f"{shown} and {more:,} more"

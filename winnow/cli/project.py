"""``winnow init`` makes a project, ``winnow demo`` shows it at work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.build import build, sample_data
from winnow.cli.load import load
from winnow.cli.terminal import stdout


def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder to make: new, or empty."),
    ],
) -> None:
    """Make a project: dbt models, seeds, loaders, an example source and a README."""
    from winnow.demo.project import write_project

    write_project(folder)
    stdout().say(
        f"Project made in {folder}. Next:",
        f"  cd {folder}",
        "  winnow demo     # sample data, all layers, docs",
    )


def demo() -> None:
    """Load sample data, build every layer and write the docs."""
    from winnow.core.settings import project_settings

    data = project_settings().project / "sample-data"
    sample_data(data)
    load("canonical", str(data / "canonical"), tenant="sample-shop")
    load("recomart", str(data / "recomart"))
    build(docs=True)
    stdout().say(
        "Next:",
        "  winnow status                             # what was built, and where it is",
        "  winnow export out --tenant sample-shop    # training files",
        "  winnow load canonical FILE --tenant NAME  # your own data",
    )

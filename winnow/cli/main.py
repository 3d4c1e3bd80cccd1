"""The command line: its commands, in the order of the work."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from winnow.cli.batches import app as batches_app
from winnow.cli.build import build, metrics, sample_data, status, write_docs_site
from winnow.cli.dashboard import dashboard
from winnow.cli.evaluate import evaluate
from winnow.cli.load import load, validate
from winnow.cli.loads import app as loads_app
from winnow.cli.output import export, publish
from winnow.cli.project import demo, init
from winnow.cli.rejected import app as rejected_app
from winnow.core.errors import BuildError, InputError
from winnow.core.failures import explained
from winnow.core.signals import end, install, is_stopped
from winnow.core.visible_text import shown

# Heavy modules (Arrow, DuckDB, dlt, dbt) are imported by the commands that need them,
# so that help is there at once.


class _InOrder(TyperGroup):
    """Lists its commands in the order of the work, groups among them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands' names."""
        return [name for name, _, _ in _COMMANDS]


app = typer.Typer(
    name="winnow",
    cls=_InOrder,
    rich_markup_mode="markdown",
    help="Turn raw user-item interaction logs into training data.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

_COMMANDS: list[tuple[str, Callable[..., None] | typer.Typer, str]] = [
    ("init", init, "init shop"),
    ("demo", demo, "demo"),
    ("sample-data", sample_data, "sample-data shop --users 1000"),
    ("validate", validate, "validate canonical ratings.csv --tenant acme"),
    ("load", load, "load canonical ratings.csv --tenant acme"),
    ("loads", loads_app, "loads list --tenant acme"),
    ("build", build, "build"),
    ("status", status, "status --json"),
    ("rejected", rejected_app, "rejected list --tenant acme"),
    ("evaluate", evaluate, "evaluate --tenant acme"),
    ("batches", batches_app, "batches simulate --days 20"),
    ("export", export, "export out --tenant acme"),
    ("publish", publish, "publish --lake s3://bucket/shop"),
    ("dashboard", dashboard, "dashboard --browser"),
    ("docs", write_docs_site, "docs"),
    ("metrics", metrics, "metrics --out winnow.prom"),
]
"""Name, command and an example of it, in the order of the work."""

for _name, _command, _example in _COMMANDS:
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, epilog=f"Example: winnow {_example}")
    else:
        app.command(_name, epilog=f"Example: winnow {_example}")(_command)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        print(f"winnow {version('winnow')}")
        raise typer.Exit


@app.callback()
def _winnow(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Turn raw user-item interaction logs into training data."""


def main() -> None:
    """Run the command line.

    Exit status: 0 all done, 1 a build that failed, 2 an input that cannot be used, 3
    a fault of Winnow's own, of which a file in the state folder has the trace; 130
    after Ctrl-C and 143 after SIGTERM, whatever came of the command.
    """
    install()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What a terminal of another encoding lacks is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    if not os.environ.get("COLUMNS", "1").isascii():
        del os.environ["COLUMNS"]  # Help reads it, and takes any digit for one.
    try:
        _run()
    finally:
        if is_stopped():
            end()


def _run() -> None:
    try:
        try:
            app()
        finally:
            _clean()
    except InputError as error:
        _stop(str(error), 2)
    except BuildError as error:
        _stop(str(error), 1)
    except Exception as error:
        if is_stopped():  # It is what a library made of the signal.
            end()
        if isinstance(error, BrokenPipeError):
            _leave_quietly()
        if isinstance(error, ModuleNotFoundError):
            _stop(_not_installed(error), 2)
        if (sentence := explained(error)) is not None:
            _stop(sentence, 2)
        _stop(_unforeseen(error), 3)


def _clean() -> None:
    """Remove what killed commands left, after a command that knows where."""
    known = sys.modules.get("winnow.core.settings")
    if known is not None and not is_stopped():
        from winnow.core.leftovers import remove_leftovers

        with suppress(InputError):
            remove_leftovers(known.settings())


def _leave_quietly() -> None:
    """End as a program does whose reader has gone, such as ``| head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _stop(message: str, status: int) -> None:
    if is_stopped():
        end()
    print(shown(f"winnow: {message}", lines=status != 2), file=sys.stderr)
    sys.exit(status)


def _not_installed(error: ModuleNotFoundError) -> str:
    """What to say where only what reads is installed."""
    return (
        f"This command needs {error.name}, not installed here: run "
        "`pip install 'winnow[build]'`; without, Winnow reads what is published."
    )


def _unforeseen(error: Exception) -> str:
    """What to say of an error that nobody foresaw. Its trace goes to a file."""
    from winnow.core.settings import settings

    trace = traceback.format_exc()
    said = str(error).strip().splitlines() or [""]
    what = f"{type(error).__name__}: {said[0]}".rstrip(": ")
    try:
        folder = settings().state / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"error-{time.time_ns()}.txt"
        log.write_text(f"{sys.argv}\n{trace}", "utf-8", "backslashreplace")
    except (OSError, InputError):
        return f"{what}. This should not happen:\n{trace}"
    return f"{what}. This should not happen; please report it with {log}."

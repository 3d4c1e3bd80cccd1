"""``winnow loads``: what landed, what became of it, and how to take it back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.terminal import AsJson, Grid, Terminal, print_json, stdout, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from winnow.load.loads import LoadState

_COLOURS = {"held": "bold red", "waits": "yellow", "not built": "yellow"}
_MOST_LOADS = 50

app = typer.Typer(
    help="List loads, take them back, and release held ones.",
    no_args_is_help=True,
)

Loads = Annotated[
    list[str] | None,
    typer.Argument(help="Load ids, or numbers in the list.", metavar="LOAD"),
]
Why = Annotated[str | None, typer.Option(help="Reason, which the ledger keeps.")]


@app.command(name="list", epilog="Example: winnow loads list --tenant acme")
def list_loads(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Include loads taken back, and all older ones."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the loads, newest last, with their states."""
    from winnow.core.settings import project_settings
    from winnow.load.loads import STATES, load_states

    loads = load_states(project_settings(), tenant)
    if as_json:
        print_json([asdict(load) for load in loads])
        return
    terminal = stdout()
    shown = [load for load in loads if everything or load.unloaded is None]
    hidden = 0 if everything else max(0, len(shown) - _MOST_LOADS)
    if not shown:
        terminal.say("No loads: `winnow load` makes one.")
        return
    table = Grid("Loads")
    table.numbers("no.")
    table.texts("load", "tenant", "what", "state", "loaded at (UTC)")
    table.numbers("records")
    for load in shown[hidden:]:
        entities = sorted({f"{load.source}.{file.entity}" for file in load.files})
        what = ", ".join(entities) or "corrections"
        table.row(
            str(load.number),
            load.load_id,
            load.tenant,
            f"{what} (corrections)" if load.corrects and load.files else what,
            text(load.states, _COLOURS.get(load.states, "")),
            load.loaded_at,
            f"{load.records:,}",
        )
    terminal.print(table)
    if hidden:
        terminal.say(f"{hidden:,} older loads are not shown; --all shows them.")
    states = {file.state for load in shown for file in load.files}
    terminal.say(
        *(f"{name}: {means}." for name, means in STATES.items() if name in states)
    )
    for load in shown[hidden:]:
        terminal.say(*(f"Load {load.number} is held: {why}" for why in load.reasons))


@app.command(epilog="Example: winnow loads show 12")
def show(
    load: Annotated[str, typer.Argument(help="Load id, or number in the list.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one load: its files, who loaded it, and why it is held or taken back."""
    from winnow.core.settings import project_settings
    from winnow.load.loads import load_state

    state = load_state(project_settings(), load)
    if as_json:
        print_json(asdict(state))
        return
    _print_load(state, stdout())


@app.command(epilog="Example: winnow loads unload 12 --why 'wrong currency'")
def unload(
    loads: Loads = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Take back the rows of this file, in any load.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="Take back all loads of this tenant, or its rows of --file."),
    ] = None,
    why: Why = None,
) -> None:
    """Take loads back: the next build removes their rows from every table.

    The ledger keeps a note of them. Their files can be loaded again.
    """
    from winnow.core.settings import project_settings
    from winnow.load.loads import unload as take_back

    gone, waits = take_back(
        project_settings(), loads or (), file=file, tenant=tenant, why=why
    )
    _say_changed("taken back", gone, waits)


@app.command(epilog="Example: winnow loads release 12")
def release(loads: Loads, *, why: Why = None) -> None:
    """Release held loads: the next build uses their rows."""
    from winnow.core.settings import project_settings
    from winnow.load.loads import release as let_count

    released, waits = let_count(project_settings(), loads or (), why)
    _say_changed("released", released, waits)


def _say_changed(what: str, load_ids: Sequence[str], waits: str | None) -> None:
    terminal = stdout()
    names = ", ".join(dict.fromkeys(load_ids))
    terminal.say(f"Load {names}: {what}. `winnow build` brings the tables up to date.")
    if waits:
        terminal.say(waits)


def _print_load(load: LoadState, terminal: Terminal) -> None:
    terminal.say(
        f"Load {load.load_id} (number {load.number}) of tenant {load.tenant}, "
        f"{load.source}; {load.loaded_at} UTC, by {load.by}.",
        style="bold",
    )
    if load.corrects:
        terminal.say(
            f"It corrects records of load {load.corrects[0]}, {load.corrects[1]}."
        )
    table = Grid()
    table.texts("file", "entity", "mode", "feed", "state")
    table.numbers("records", "unreadable")
    for file in load.files:
        table.row(
            file.file,
            file.entity,
            file.mode,
            file.feed or "",
            text(file.state, _COLOURS.get(file.state, "")),
            f"{file.records:,}",
            f"{file.unreadable:,}",
        )
    if table.row_count:
        terminal.print(table)
    for about, what in ((load.unloaded, "Taken back"), (load.released, "Released")):
        if about:
            reason = f": {about['why']}" if about["why"] else ""
            at = str(about["at"])[:19].replace("T", " ")
            terminal.say(f"{what} {at} UTC by {about['by']}{reason}.")
    terminal.say(*(f"Held: {reason}" for reason in load.reasons))

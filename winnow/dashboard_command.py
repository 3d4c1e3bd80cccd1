"""``winnow dashboard``: serves the dashboard of what is published."""

from __future__ import annotations

import importlib
import importlib.util
import socket
from pathlib import Path
from typing import Annotated

import typer

from ingest.errors import InputError

APP = Path(__file__).parent / "dashboard" / "app.py"

_NEEDED = ("streamlit", "altair")


def dashboard(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it listens; 0 for any.")
    ] = 8501,
    host: Annotated[
        str,
        typer.Option(help="0.0.0.0 lets other machines in: there is no log-in."),
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")
    ] = False,
) -> None:
    """Serve pages about the published generation, until it is interrupted."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"The dashboard needs {' and '.join(missing)}, not installed here: run "
            "`make dashboard`, or `pip install 'winnow[dashboard]'`."
        )
    serve(host, _free_port(host, port), browser)


def serve(host: str, port: int, browser: bool) -> None:
    """Run Streamlit's server in this process. What the pages import is imported before
    it listens, so that the first one who looks does not wait for it.
    """
    from streamlit.web import bootstrap

    for name in ("altair", "pandas", "duckdb", "winnow.published"):
        importlib.import_module(name)
    options = {
        "server_address": host,
        "server_port": port,
        "server_headless": not browser,
        # Nothing changes while it runs, and nothing is told to anybody.
        "server_fileWatcherType": "none",
        "server_showEmailPrompt": False,
        "browser_gatherUsageStats": False,
        "browser_serverAddress": "localhost" if host == "0.0.0.0" else host,
        "client_showErrorDetails": "none",
        "client_toolbarMode": "viewer",
        "global_developmentMode": False,
    }
    bootstrap.load_config_options(options)
    bootstrap.run(str(APP), False, [], options)


def _free_port(host: str, port: int) -> int:
    """The port, or any where it is 0. Raises InputError when it cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], found[1]) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(found[4])
            return int(listener.getsockname()[1])
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror or error}); "
            "another --port, or --port 0 for any that is free."
        ) from error

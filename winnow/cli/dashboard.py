"""``winnow dashboard``: serves the dashboard of what is published."""

from __future__ import annotations

import importlib
import importlib.util
import ipaddress
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from winnow.core.errors import InputError

APP = Path(__file__).parents[1] / "dashboard" / "app.py"

_NEEDED = ("streamlit", "altair")
_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)


def dashboard(
    *,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one."),
    ] = 8501,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 admits other machines, without a login."
        ),
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Extra host name that browsers may use, such as a proxy's. May be "
            "repeated.",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = False,
) -> None:
    """Serve pages about the published generation, until interrupted."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"The dashboard needs {' and '.join(missing)}, not installed here: run "
            "`make dashboard`, or `pip install 'winnow[dashboard]'`."
        )
    for name in allow_host or ():
        if not (_NAME.fullmatch(name) or _address(name)):
            raise InputError(
                f"--allow-host {name}: it is a name or an address without a port, such "
                "as winnow.example.org, or *.example.org for all below it."
            )
    serve(host, _free_port(host, port), browser, allow_host or ())


def serve(
    host: str, port: int, browser: bool, allowed_hosts: Sequence[str] = ()
) -> None:
    """Run Streamlit's server in this process. What the pages import is imported before
    it listens, so that the first one who looks does not wait for it.

    Only requests for ``hosts_of(host, allowed_hosts)`` are answered: a page of the
    internet whose name was made to lead here (DNS rebinding) reads nothing.
    """
    import streamlit
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    for name in ("altair", "pandas", "duckdb", "winnow.publish.published"):
        importlib.import_module(name)
    hosts = hosts_of(host, allowed_hosts)
    # What names an IPv6 address stands in brackets in a request, for Starlette.
    named = [f"[{allowed}]" if ":" in allowed else allowed for allowed in hosts]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=named, www_redirect=False)
    streamlit.App(str(APP), middleware=[guard]).run(
        config={
            "server.address": host,
            "server.port": port,
            "server.allowedHosts": hosts,
            "server.headless": not browser,
            # Nothing changes while it runs, and nothing is told to anybody.
            "server.fileWatcherType": "none",
            "server.showEmailPrompt": False,
            "browser.gatherUsageStats": False,
            "browser.serverAddress": "localhost" if _is_any(host) else host,
            "client.showErrorDetails": "none",
            "client.toolbarMode": "viewer",
            "global.developmentMode": False,
        }
    )


def hosts_of(host: str, allowed: Sequence[str] = ()) -> list[str]:
    """The names under which the dashboard may be asked for, sorted, IPv6 addresses
    without brackets: this machine's own, ``host``, and those that are ``allowed``.
    Where ``host`` is every address, this machine's name and addresses, too.
    """
    names = {"localhost", "127.0.0.1", "::1", *allowed}
    if _is_any(host):
        own = socket.gethostname()
        names |= {own, socket.getfqdn()}
        with suppress(OSError):
            names |= {str(address[4][0]) for address in socket.getaddrinfo(own, None)}
    else:
        names.add(host)
    return sorted({name.strip("[]").rstrip(".").lower() for name in names} - {""})


def _is_any(host: str) -> bool:
    """Whether it stands for every address of this machine."""
    address = _address(host)
    return host == "" or (address is not None and address.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that it is, also in brackets; None where it is a name."""
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]"))
    return None


def _free_port(host: str, port: int) -> int:
    """The port, or any where it is 0. Raises InputError when it cannot be had."""
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(address[0], address[1]) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address[4])
            return int(listener.getsockname()[1])
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror or error}); "
            "another --port, or --port 0 for any that is free."
        ) from error

"""Looks at the dashboard with a real browser: run with the Python of
``.venv-services``, which has Playwright, by ``benchmarks.browser``.

    browse_dashboard.py CHROMIUM ADDRESS FOLDER light|dark WIDTH UNTIL PATH...

Where UNTIL is not empty, a page is left open until it shows that text; the file
``<page>-<theme>-opened.png`` is there as soon as it waits.

Prints a JSON object for each path: the seconds until its charts were drawn, what it
asked of other hosts, what the console said, and what the page showed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60_000

# Charts are drawn when no skeleton and no running script is left.
SETTLED = """
() => document.querySelector('[data-testid="stHeading"]')
    && !document.querySelector('[data-testid="stSkeleton"]')
    && !document.querySelector('[data-testid="stStatusWidget"]')
    && [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')]
        .every(chart => chart.querySelector('canvas, svg'))
"""

SHOWS = "text => document.body.innerText.includes(text)"

SHOWN = """
() => ({
    title: document.querySelector('h1')?.innerText ?? '',
    charts: [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')]
        .map(chart => {
            const drawn = chart.querySelector('canvas, svg').getBoundingClientRect();
            return {
                width: drawn.width, height: drawn.height,
                place: chart.getBoundingClientRect().width,
            };
        }),
    alerts: [...document.querySelectorAll('[data-testid="stAlert"]')]
        .map(alert => alert.innerText),
    exceptions: document.querySelectorAll('[data-testid="stException"]').length,
    sideways: document.documentElement.scrollWidth > window.innerWidth,
    text: document.querySelector('[data-testid="stMain"]').innerText,
    sidebar: document.querySelector('[data-testid="stSidebar"]')?.innerText ?? '',
})
"""


def look(
    chromium: str,
    address: str,
    folder: Path,
    scheme: Any,
    width: int,
    until: str,
    paths: list[str],
) -> None:
    """Open each path in a tab of its own and say what was seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(
            viewport={"width": width, "height": 1000},
            color_scheme=scheme,
            timezone_id="America/New_York",
            locale="en-GB",
        )
        for path in paths:
            page = context.new_page()
            asked: list[str] = []
            said: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on(
                "console",
                lambda message, said=said: (
                    said.append(message.text) if message.type == "error" else None
                ),
            )
            began = time.monotonic()
            page.goto(f"{address}/{path}", wait_until="domcontentloaded")
            page.wait_for_function(SETTLED, timeout=TIMEOUT)
            seconds = time.monotonic() - began
            picture = folder / f"{path or 'overview'}-{scheme}.png"
            if until:
                page.screenshot(path=picture.with_stem(f"{picture.stem}-opened"))
                page.wait_for_function(SHOWS, arg=until, timeout=TIMEOUT)
            page.wait_for_timeout(700)  # Axes are drawn in place after a resize.
            page.wait_for_function(SETTLED, timeout=TIMEOUT)
            seen = page.evaluate(SHOWN)
            _whole_page(page, picture, width)
            outside = {
                url
                for url in asked
                if urlsplit(url).scheme in ("http", "https", "ws", "wss")
                and urlsplit(url).hostname != urlsplit(address).hostname
            }
            seen |= {
                "path": path,
                "picture": str(picture),
                "seconds": seconds,
                "outside": sorted(outside),
                "console": said,
            }
            print(json.dumps(seen), flush=True)
            page.close()
        browser.close()


def _whole_page(page: Any, file: Path, width: int) -> None:
    """A picture of all of it: the page scrolls within itself, so that the window is
    made as high as it is.
    """
    height = page.evaluate(
        "() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight"
    )
    page.set_viewport_size({"width": width, "height": max(int(height) + 20, 600)})
    page.wait_for_timeout(500)
    page.screenshot(path=file)
    page.set_viewport_size({"width": width, "height": 1000})


if __name__ == "__main__":
    _, given, at, out, light_or_dark, pixels, text, *pages = sys.argv
    look(given, at, Path(out), light_or_dark, int(pixels), text, pages)

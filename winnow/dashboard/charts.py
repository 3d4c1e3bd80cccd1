"""How the charts look: colours that colour-blind readers can tell apart on white and
on black, whole labels, thousands with commas.
"""

from __future__ import annotations

from typing import Any

import altair as alt

BLUE = "#3182bd"
ORANGE = "#e69f00"
VERMILLION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#aa4499"
GREY = "#808080"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, "#56b4e9", "#b8860b", GREY)
"""Colours of things that have no colour of their own, after Okabe and Ito."""

VERDICTS = {
    "accepted": BLUE,
    "duplicate": ORANGE,
    "rejected": VERMILLION,
    "held": "#332288",
    "replaced": "#56b4e9",
    "erased": GREY,
}
"""What came of a landed record, in the order in which it is stacked."""

ROW = 26
"""Pixels of a bar with its gap."""

AXIS = 70
"""Pixels of a horizontal axis with its labels and title."""


def finish(chart: Any) -> Any:
    """A whole chart, with labels that are never cut."""
    return (
        chart.configure_axis(labelLimit=420, titleLimit=600)
        .configure_header(labelLimit=420, titleLimit=420, labelFontWeight="bold")
        .configure_legend(orient="top", labelLimit=420, title=None, columns=4)
    )


def colours(of: dict[str, str]) -> alt.Scale:
    """A scale for names that have a colour of their own."""
    return alt.Scale(domain=list(of), range=list(of.values()))


def legend() -> alt.Legend:
    """A legend whose marks are as strong as those of the chart."""
    return alt.Legend(symbolOpacity=1, symbolStrokeWidth=2)


def series(names: list[str]) -> alt.Scale:
    """A scale for any names: the same name has the same colour on a page."""
    return alt.Scale(
        domain=names, range=[SERIES[i % len(SERIES)] for i in range(len(names))]
    )


def height(rows: int, row: int = ROW) -> int:
    """Pixels of a chart of so many horizontal bars, with the axis below them."""
    return max(rows, 1) * row + AXIS


def room(values: Any) -> alt.Scale:
    """A scale from 0 that leaves room for a label behind the longest bar."""
    most = float(values.max()) if len(values) else 0.0
    least = min(float(values.min()), 0.0) if len(values) else 0.0
    return alt.Scale(domain=[least, (most or 1.0) * 1.12], nice=False)


def labelled_bars(
    frame: Any,
    *,
    value: str,
    label: str,
    value_title: str,
    label_title: str | None = None,
    colour: str = BLUE,
    number_format: str = ",.0f",
    axis_format: str = "~s",
    tooltip: list[Any] | None = None,
) -> Any:
    """Horizontal bars in the order of the rows, each with its value at its end."""
    order = list(frame[label])
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{label}:N", sort=order, title=label_title),
        x=alt.X(
            f"{value}:Q",
            title=value_title,
            axis=alt.Axis(format=axis_format, tickCount=5),
            scale=room(frame[value]),
        ),
        tooltip=tooltip
        or [
            alt.Tooltip(f"{label}:N", title=label_title or label),
            alt.Tooltip(f"{value}:Q", title=value_title, format=number_format),
        ],
    )
    bars = base.mark_bar(color=colour)
    texts = base.mark_text(align="left", dx=4, color=GREY).encode(
        text=alt.Text(f"{value}:Q", format=number_format)
    )
    return finish((bars + texts).properties(height=height(len(order))))

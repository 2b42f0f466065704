"""The `data_visualization` block's numbers as points of an SVG.

Source: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 480, 200
LEFT, BOTTOM, TOP = 44, 24, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Shapes in a box of `WIDTH` x `HEIGHT`; `series` numbers the colour."""

    kind: str
    categories: list[str] = field(default_factory=list)
    series: list[tuple[str, list[float]]] = field(default_factory=list)
    shapes: list[tuple[int, str]] = field(default_factory=list)
    """(series, SVG path)."""
    ticks: list[tuple[float, str]] = field(default_factory=list)
    """(y, label) of the value axis."""
    places: list[tuple[float, str]] = field(default_factory=list)
    """(x, label) of the category axis."""


def draw(chart: Mapping[str, Any]) -> Drawing:
    """Return the shapes of a pie, bar, line or area chart."""
    if chart["type"] == "pie":
        return _pie(chart["segments"])
    categories = [str(c) for c in chart["axis_config"]["categories"]]
    series = [(str(s["name"]), [float(p["value"]) for p in s["data"]]) for s in chart["series"]]
    top = _round_up(max([v for _, values in series for v in values] + [0.0]))
    step = (WIDTH - LEFT) / len(categories)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - max(value, 0) / top * (HEIGHT - BOTTOM - TOP), 1)

    shapes: list[tuple[int, str]] = []
    for number, (_, values) in enumerate(series):
        if chart["type"] == "bar":
            wide = step * 0.7 / len(series)
            for at, value in enumerate(values):
                x = LEFT + step * at + step * 0.15 + wide * number
                shapes.append((number, f"M{x:.1f} {y(0)}V{y(value)}h{wide:.1f}V{y(0)}Z"))
        else:
            points = [f"{LEFT + step * (at + 0.5):.1f} {y(v)}" for at, v in enumerate(values)]
            path = "M" + "L".join(points)
            if chart["type"] == "area":
                path += f"V{y(0)}H{LEFT + step * 0.5:.1f}Z"
            shapes.append((number, path))
    return Drawing(
        kind=str(chart["type"]),
        categories=categories,
        series=series,
        shapes=shapes,
        ticks=[(y(top * part / 2), f"{top * part / 2:g}") for part in range(3)],
        places=[(LEFT + step * (at + 0.5), label) for at, label in enumerate(categories)],
    )


def _pie(segments: list[Mapping[str, Any]]) -> Drawing:
    values = [max(float(s["value"]), 0) for s in segments]
    whole, centre, radius = sum(values) or 1, HEIGHT / 2, HEIGHT / 2 - TOP
    shapes, angle = [], -math.pi / 2
    for number, value in enumerate(values):
        # An arc can't be a full circle: its two ends would be the same point.
        turn = min(value / whole, 0.9999) * 2 * math.pi
        x, y = centre + radius * math.cos(angle), centre + radius * math.sin(angle)
        angle += turn
        to_x, to_y = centre + radius * math.cos(angle), centre + radius * math.sin(angle)
        large = int(turn > math.pi)
        path = f"M{centre} {centre}L{x:.1f} {y:.1f}A{radius} {radius} 0 {large} 1 {to_x:.1f} {to_y:.1f}Z"
        shapes.append((number, path))
    named = [(str(s["label"]), [v]) for s, v in zip(segments, values, strict=True)]
    return Drawing(kind="pie", series=named, shapes=shapes)


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power: float = 10 ** math.floor(math.log10(value))
    return next(power * part for part in (1, 2, 5, 10) if power * part >= value)

"""How charts look: light, dark, or in the colours of the page that holds them.

The colours of series differ in lightness as well as in hue, so that those who see no red, no green
or no blue tell them apart, and so does who reads a page printed in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Theme:
    """The colours of a chart, as CSS writes them.

    Attributes:
        paper: behind the chart.
        ink: text that is read first.
        muted: labels of axes and legends.
        grid: lines that guide the eye.
        land: the continents of a map.
        series: what is shown, the first colour where there is one series.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    land: str
    series: tuple[str, str, str]

    def config(self) -> dict[str, Any]:
        """Return the theme as the ``config`` of Vega-Lite."""
        words = {"labelColor": self.muted, "titleColor": self.muted, "titleFontWeight": "normal"}
        sizes = {"labelFontSize": 12, "titleFontSize": 12}
        return {
            "background": self.paper,
            "font": FONT,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "padding": 4,
            "view": {"stroke": None, "continuousWidth": 560, "continuousHeight": 240},
            "axis": {
                **words,
                **sizes,
                "domainColor": self.grid,
                "gridColor": self.grid,
                "tickColor": self.grid,
                "labelPadding": 6,
                "titlePadding": 10,
                "labelLimit": 220,
            },
            "axisBand": {"domain": False, "ticks": False, "grid": False},
            "legend": {
                **words,
                **sizes,
                "orient": "top",
                "title": None,
                "symbolType": "square",
                "columnPadding": 18,
            },
            "title": {
                "anchor": "start",
                "color": self.ink,
                "fontSize": 16,
                "fontWeight": 600,
                "offset": 14,
                "subtitleColor": self.muted,
                "subtitleFontSize": 12,
                "subtitlePadding": 4,
            },
            "bar": {"color": self.series[0], "cornerRadiusEnd": 2},
            "rect": {"color": self.series[0]},
            "line": {"color": self.series[0], "strokeWidth": 2},
            "area": {"color": self.series[0], "line": True, "opacity": 0.18},
            "circle": {"color": self.series[0]},
            "text": {"color": self.ink, "fontSize": 12},
            "geoshape": {"fill": self.land, "stroke": None},
            "range": {"category": list(self.series)},
        }


LIGHT = Theme(
    paper="#ffffff",
    ink="#1c1917",
    muted="#57534e",
    grid="#e7e5e4",
    land="#e7e5e4",
    series=("#0b6ea8", "#c2570c", "#44153a"),
)
"""Dark on white."""

DARK = Theme(
    paper="#16181d",
    ink="#f5f5f4",
    muted="#b6b3ae",
    grid="#34373e",
    land="#2f333b",
    series=("#5ab4e8", "#f0a04b", "#f6f0b0"),
)
"""Light on nearly black."""

PAGE = Theme(
    paper="transparent",
    ink="var(--ink)",
    muted="var(--muted)",
    grid="var(--grid)",
    land="var(--land)",
    series=("var(--series-1)", "var(--series-2)", "var(--series-3)"),
)
"""In the page's own colours, so that one picture is light by day, dark by night and ink on paper.

For SVG alone: the names are variables of CSS.
"""

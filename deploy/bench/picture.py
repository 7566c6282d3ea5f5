"""The medians of a run as a picture: an SVG that stands alone, readable on light and on dark pages."""

import math
from collections.abc import Iterator
from html import escape

from deploy.bench.comparison import Samples, Spread, spread_of, values_of
from deploy.bench.goals import OURS

WIDTH, ROW, TOP, BOTTOM = 880, 30, 56, 40
LABELS, RIGHT = 230, 120
PLOT = WIDTH - LABELS - RIGHT
# Of the row's height; the rest is air.
BAR = 16
# A picture can't ask for the colors of the page that it stands in, only for the reader's system's: so it has a ground.
STYLE = """
.ground { fill: #ffffff; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.quiet { fill: #59636e; font-size: 12px; }
.grid { stroke: #d1d9e0; }
.bar { fill: #8c959f; }
.ours { fill: #0969da; }
.whisker { stroke: #1f2328; stroke-width: 1.5; fill: none; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; }
  text { fill: #f0f6fc; }
  .quiet { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .bar { fill: #656c76; }
  .ours { fill: #4493f8; }
  .whisker { stroke: #f0f6fc; }
}
"""


def draw(samples: Samples) -> str:
    """A bar for each contender's median rate, on a logarithmic scale, the fastest on top; whiskers to the ends."""
    rates = {name: spread_of(values) for name in samples if (values := values_of(samples, name, "per_second"))}
    return "\n".join(lines(dict(sorted(rates.items(), key=lambda item: -item[1].median)))) + "\n"


def lines(rates: dict[str, Spread]) -> Iterator[str]:
    height = TOP + ROW * len(rates) + BOTTOM
    scale = Scale(min(rate.lowest for rate in rates.values()), max(rate.highest for rate in rates.values()))
    described = "; ".join(f"{name}: {rate.median:,.0f}" for name, rate in rates.items())
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">'
    yield '<title id="t">Deliveries per second</title>'
    yield f'<desc id="d">{escape(described)}</desc>'
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
    yield '<text class="title" x="16" y="24">Deliveries per second</text>'
    yield '<text class="quiet" x="16" y="42">median, with the slowest and the fastest round; logarithmic scale</text>'
    for tick in scale.ticks():
        x = scale.x(tick)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - BOTTOM + 4}"/>'
        yield f'<text class="quiet" x="{x}" y="{height - BOTTOM + 20}" text-anchor="middle">{tick:,}</text>'
    for number, (name, rate) in enumerate(rates.items()):
        yield from bar(scale, TOP + number * ROW + ROW / 2, name, rate)
    yield "</svg>"


def bar(scale: "Scale", middle: float, name: str, rate: Spread) -> Iterator[str]:
    kind = "bar ours" if name.startswith(OURS) else "bar"
    lowest, end, highest = (scale.x(value) for value in (rate.lowest, rate.median, rate.highest))
    top, width = middle - BAR / 2, end - LABELS
    yield f'<text x="{LABELS - 10}" y="{middle + 4:g}" text-anchor="end">{escape(name)}</text>'
    yield f'<rect class="{kind}" x="{LABELS}" y="{top:g}" width="{width:.1f}" height="{BAR}" rx="2"/>'
    caps = "".join(f"M{x} {middle - 4:g}v8" for x in (lowest, highest))
    yield f'<path class="whisker" d="M{lowest} {middle:g}H{highest}{caps}"/>'
    yield f'<text x="{highest + 8:.1f}" y="{middle + 4:g}">{rate.median:,.0f}</text>'


class Scale:
    """From the power of ten below the lowest value to the highest value."""

    def __init__(self, lowest: float, highest: float) -> None:
        self._bottom = math.floor(math.log10(lowest))
        self._span = max(math.log10(highest) - self._bottom, 0.1)

    def x(self, value: float) -> float:
        return round(LABELS + (math.log10(value) - self._bottom) / self._span * PLOT, 1)

    def ticks(self) -> list[int]:
        """Powers of ten; of fractions there are none."""
        top = self._bottom + math.floor(self._span)
        return [10**power for power in range(max(self._bottom, 0), top + 1)]

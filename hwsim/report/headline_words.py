"""Headline figures as people read them, each with the multiple of its unit that suits it."""

from collections.abc import Callable, Mapping

from hwsim.report.numbers import figure, joules, percent, scaled, seconds, watts
from hwsim.results.headline_figures import Headline

_WRITTEN: Mapping[Headline, Callable[[float], str]] = {
    Headline.LATENCY: lambda ms: seconds(ms / 1000),
    Headline.ENERGY: lambda mj: joules(mj * 1e15),
    Headline.ENERGY_PER_SECOND: lambda mj: joules(mj * 1e15),
    Headline.POWER: watts,
    Headline.DRAM: lambda size: scaled(size, "B"),
    Headline.MODEL: lambda size: scaled(size, "B"),
    Headline.UTILIZATION: percent,
    Headline.ENERGY_DELAY: lambda js: f"{joules(js * 1e18)}·s",
    Headline.AREA: lambda mm2: f"{figure(mm2)} mm²",
    Headline.CYCLES: lambda cycles: f"{cycles:,.0f}",
}
"""Ratios need no unit."""


def headline_text(what: Headline, value: float) -> str:
    """A value of a headline figure.

    >>> headline_text(Headline.LATENCY, 412.0), headline_text(Headline.RTF, 0.0412), headline_text(Headline.DRAM, 3e9)
    ('412 ms', '0.0412', '3.00 GB')
    """
    return _WRITTEN.get(what, figure)(value)

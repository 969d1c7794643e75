"""How figures look: the palette, and what stands for each unit, limit and group of energy.

Colours are those of Okabe and Ito's palette, which people who confuse red and green tell apart
(https://jfly.uni-koeln.de/color/). Whatever a colour tells, a hatch or a marker tells as well, so that a figure printed
in black loses nothing.
"""

from collections.abc import Sequence
from typing import Literal

from hwsim.dataclass import dataclass
from hwsim.report.energy import GROUP_TITLES
from hwsim.report.tables import limit_text
from hwsim.results.tiles_result import LINKS, PLACE_NAMES
from hwsim.schedule.tiles_run import Place
from hwsim.schedule.unit_table import Limit, Unit

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"

LineStyle = Literal["-", "--", "-.", ":"]

PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "\\\\\\", "++", "xxx", "---", "|||", "//")
STYLES: tuple[LineStyle, ...] = ("-", "--", "-.", ":")
_PORTS = "////"


@dataclass(frozen=True, slots=True)
class Look:
    """How something is drawn: as an area in a colour with a hatch, as a point with a marker."""

    colour: str
    hatch: str = ""
    marker: str = "o"


def numbered(place: int) -> Look:
    """The look of one of several things in a row."""
    at = place % len(PALETTE)
    return Look(PALETTE[at], HATCHES[at], MARKERS[at])


def _of_limit(limit: Limit) -> Look:
    unit = limit.unit
    if unit is None:
        return Look(GREY, "++", "X")
    ports = limit is Limit.of(unit, ports=True)
    return Look(unit.spec.colour, _PORTS if ports else "", MARKERS[unit % len(MARKERS)])


_PLACES = {Place.TILES: Unit.ARRAY, Place.VECTOR: Unit.VECTOR, Place.LOAD: Unit.LOAD, Place.STORE: Unit.STORE}
BOUNDS: dict[str, Look] = {
    **{limit_text(limit): _of_limit(limit) for limit in Limit},
    **{PLACE_NAMES[place]: _of_limit(Limit.of(unit)) for place, unit in _PLACES.items()},
    LINKS: Look(PURPLE, "xxx", "P"),
    "host": Look(BLACK, "", "*"),
    "launch": Look(YELLOW, "", "*"),
    "": Look("#DDDDDD"),
}
"""By the texts with which reports say what binds an op, or what a run waits for; no text stands for several things."""

UNITS = {unit.key: _of_limit(Limit.of(unit)) for unit in Unit} | {
    "tiles": _of_limit(Limit.of(Unit.ARRAY)),
    "memory": _of_limit(Limit.of(Unit.LOAD)),
}

ENERGY = dict(
    zip(
        GROUP_TITLES.values(),
        (
            Look(ORANGE), Look(SKY, "///"), Look(GREEN, "++"), Look(YELLOW, "xxx"), Look(BLUE), Look(GREY, "\\\\\\"),
        ),
        strict=True,
    )
)  # fmt: skip


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """Things in a row, each with a look of its own."""
    return {name: numbered(place) for place, name in enumerate(dict.fromkeys(names))}

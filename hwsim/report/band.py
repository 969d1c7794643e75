"""A band as text: the fields with their ends, what each headline figure comes to, and which field moves it most."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import bar
from hwsim.report.tables import Screen, first_that_fits, new_table, render
from hwsim.results.band import Band, Corners, FigureBand, Owner
from hwsim.results.headline_figures import Headline

TORNADOS = (Headline.LATENCY, Headline.ENERGY, Headline.TOPS_PER_WATT, Headline.DRAM)
"""The figures whose tornados are drawn, and shown first: as many of them as have room."""

_FULL_ONLY = (Headline.CYCLES, Headline.UTTERANCES_PER_JOULE, Headline.TOPS)
"""Figures that follow from others, which the one screen leaves out."""

_ROOMS = ((4, 8, 12), (3, 8, 12), (3, 5, 12), (2, 5, 12), (2, 5, 8), (1, 5, 8), (1, 3, 5), (0, 0, 4), (0, 0, 2))
"""Tornados, lines of each, and lines of fields, from the roomiest screen to the shortest."""

_WIDTH, _NARROW = 24, 8
"""The longest bar on a wide screen, and on another."""


def band_text(band: Band, screen: Screen, *, full: bool = False) -> str:
    """The band on one screen of at most 40 lines; in `full`, all tables."""
    if full:
        moved = [one.figure for one in band.figures if one.low != one.high]
        return render((*_blocks(band, screen, moved, len(band.fields), len(band.fields), list(Headline)),), screen)
    same_audio = all(field.owner is not Owner.WORKLOAD for field in band.fields)
    left_out = [*_FULL_ONLY, *((Headline.ENERGY_PER_SECOND,) if same_audio else ())]
    left_out += [Headline.THROUGHPUT_RTF] if _heard_alone(band) else []
    shown, moved = [figure for figure in Headline if figure not in left_out], _moved(band)
    attempts = (_blocks(band, screen, moved[:drawn], lines, fields, shown) for drawn, lines, fields in _ROOMS)
    return first_that_fits(map(tuple, attempts), screen)


def _heard_alone(band: Band) -> bool:
    """Whether each run hears one utterance, so that both real-time factors are one."""
    figures = [dict(point.figures) for point in band.points]
    return all(one[Headline.RTF] == one[Headline.THROUGHPUT_RTF] for one in figures)


def _moved(band: Band) -> list[Headline]:
    return [figure for figure in TORNADOS if band.of(figure).low != band.of(figure).high]


def _blocks(
    band: Band, screen: Screen, tornados: Sequence[Headline], lines: int, fields: int, shown: Sequence[Headline]
) -> Iterable[Text | Table]:
    yield band_title(band)
    yield _fields(band, fields)
    yield Text(f"{evaluated(band)} {binding_words(band)}")
    if any(one.low != one.high for one in band.figures):
        yield _figures(band, shown)
    for figure in tornados:
        yield _tornado(band, band.of(figure), lines, screen)
    still = [one.figure.label for one in band.figures if one.low == one.high and one.figure in shown]
    words = [f"Moved by none of them: {', '.join(still)}."] if still else []
    yield Text("\n".join([*words, "More: --full, --out DIR (figure and tables)"]))


def band_title(band: Band) -> Text:
    """What is varied around which run."""
    count = len(band.fields)
    what = f"{count} field{'s' * (count > 1)} between two ends"
    return Text.assemble((band.workload, "bold"), f" in {band.precision} on ", (band.chip, "bold"), f": {what}")


def _fields(band: Band, most: int) -> Table:
    table = new_table("field", "of the", "low", "as it is", "high")
    for field in band.fields[:most]:
        table.add_row(field.path, field.owner.value, field.low, field.nominal, field.high)
    if len(band.fields) > most:
        table.add_row(f"{len(band.fields) - most} others", "", "", "", "")
    return table


def evaluated(band: Band) -> str:
    """Which points were run, in words."""
    corners = f"all {2 ** len(band.fields)} corners"
    if band.corners is Corners.SAMPLED:
        corners = f"some of the {2 ** len(band.fields):,} corners: those that single fields point to, and drawn ones"
    alone = "the field at both its ends" if len(band.fields) == 1 else f"each field alone at both its ends, {corners}"
    runs = f"{len(band.points)} runs, each planned anew: as it is, {alone}."
    return f"{runs} The band is that of these runs; nothing is said of what lies between them."


def binding_words(band: Band) -> str:
    """What takes most of the time, at how many points."""
    counts = Counter(point.binds for point in band.points).most_common()
    if len(counts) == 1:
        return f"In all of them most time goes with {counts[0][0]}."
    told = ", ".join(f"{label} in {count}" for label, count in counts)
    return f"Most time goes with {told}."


def _figures(band: Band, shown: Sequence[Headline]) -> Table:
    """Each figure that moves, with its ends and the field that moves it most alone."""
    table = new_table("figure", "least", "as it is", "most", "moved most by")
    table.columns[-1].justify = "left"
    for one in band.figures:
        if one.low == one.high or one.figure not in shown:
            continue
        low, nominal, high = (headline_text(one.figure, value) for value in (one.low, one.nominal, one.high))
        table.add_row(one.figure.label, low, nominal, high, one.tornado[0].path)
    return table


def _tornado(band: Band, one: FigureBand, most: int, screen: Screen) -> Table:
    """What each field alone makes of a figure, the one that moves it most first."""
    ends = {field.path: field for field in band.fields}
    title = f"What moves {one.figure.label}, each alone ({headline_text(one.figure, one.nominal)} as it is)"
    table = new_table("field", "low", one.figure.label, "high", one.figure.label, "", title=title)
    swings = [swing for swing in one.tornado if swing.reach(one.nominal)]
    longest = swings[0].reach(one.nominal) if swings else 1.0
    for swing in swings[:most]:
        reach = swing.reach(one.nominal)
        table.add_row(
            swing.path,
            ends[swing.path].low,
            headline_text(one.figure, swing.at_low),
            ends[swing.path].high,
            headline_text(one.figure, swing.at_high),
            bar(reach / longest, _WIDTH if screen.width >= 100 else _NARROW, blocks=screen.blocks),
        )
    rest = len(one.tornado) - min(most, len(swings))
    if rest:
        still = "" if len(swings) > most else ", which move nothing" if rest > 1 else ", which moves nothing"
        table.add_row(f"{rest} other{'s' * (rest > 1)}{still}", "", "", "", "", "")
    return table

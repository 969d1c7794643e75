"""The figures of where things stay: the scratchpad over time, and tiles with the weights that stand on them."""

from collections import Counter, defaultdict

from matplotlib.patches import Rectangle

from hwsim.report.numbers import scaled
from hwsim.report.plots.axes import areas_legend, empty, in_order
from hwsim.report.plots.canvas import Canvas, Rows
from hwsim.report.plots.looks import BLUE, GREEN, ORANGE, SKY, Look, looks_of
from hwsim.results.figures import ratio
from hwsim.results.pictured import Pictured
from hwsim.results.tiles_result import TilesResult

COLUMNS = ("tensor", "what", "address", "bytes", "begin_cycle", "end_cycle", "begin_ms", "end_ms", "scratchpad_bytes")
CAPTION = (
    "What stays at which addresses of the scratchpad, and when: ops stand behind one another in the program's order, "
    "each with all cycles of its runs; what is white is left for the slots of the ops that run."
)
TILES_COLUMNS = ("chip", "tile", "part", "weights", "room", "share")
TILES_CAPTION = "The share of each tile's room for weights that is taken, by part of the network."
MOST = 400
"""Buffers that are drawn; of more, those that take most bytes for most of the time."""
MOST_CHIPS, RANGES = 8, 100
"""Chips that have a line of their own, and into how many ranges the tiles of more are put together."""

LOOKS = {
    "parameters": Look(BLUE),
    "state": Look(ORANGE, "///"),
    "activation": Look(GREEN),
    "rows of an activation": Look(SKY, "xxx"),
}


def rows(pictured: Pictured) -> Rows:
    """A row a buffer."""
    return [
        {
            "tensor": one.tensor,
            "what": one.what,
            "address": one.address,
            "bytes": one.bytes,
            "begin_cycle": one.begin,
            "end_cycle": one.end,
            "begin_ms": one.begin * 1000 / pictured.clock,
            "end_ms": one.end * 1000 / pictured.clock,
            "scratchpad_bytes": pictured.scratchpad_bytes,
        }
        for one in pictured.buffers
    ]


def draw(rows: Rows, canvas: Canvas) -> None:
    """Addresses upwards, time to the right."""
    canvas.size(3.6, narrow=4.0)
    ax = canvas.axes()
    if not rows:
        empty(ax, "nothing stays in the scratchpad")
        return
    largest = sorted(rows, key=lambda row: -row["bytes"] * (row["end_ms"] - row["begin_ms"]))[:MOST]
    for row in largest:
        long, high, look = row["end_ms"] - row["begin_ms"], row["bytes"] / 1024, LOOKS[row["what"]]
        if not long:
            continue
        box = Rectangle(
            (row["begin_ms"], row["address"] / 1024), long, high, facecolor=look.colour, hatch=look.hatch,
            edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        ax.add_patch(box)
        told = f"{row['tensor']} ({row['what']}): {scaled(row['bytes'], 'B')} at {row['address']:,}"
        canvas.note(box, f"{told}, {row['begin_ms']:.4g} to {row['end_ms']:.4g} ms")
    ax.set_xlim(0, max(row["end_ms"] for row in rows))
    ax.set_ylim(0, rows[0]["scratchpad_bytes"] / 1024)
    ax.set_xlabel("time, ops in the program's order [ms]")
    ax.set_ylabel("address [KiB]")
    areas_legend(canvas, in_order([row["what"] for row in rows], LOOKS))


def tiles_rows(result: TilesResult) -> Rows:
    """A row a tile and part of the network."""
    placement = result.placement
    taken = Counter[tuple[int, int, str, bool]]()
    for matrix in placement.matrices:
        part = matrix.tensor.partition(".")[0]
        for piece in matrix.parts:
            taken[piece.chip, piece.tile, part, matrix.dense] += piece.rows * piece.cols
    found = []
    for (chip, tile, part, dense), weights in sorted(taken.items()):
        room = placement.rows * (placement.dense_cols if dense else placement.cols)
        row = {"chip": chip, "tile": tile, "part": part, "weights": weights, "room": room}
        found.append({**row, "share": ratio(weights, room)})
    return found


def draw_tiles(rows: Rows, canvas: Canvas) -> None:
    """A line a chip, a bar a tile; of many, a bar for tiles in a row, with what is taken of them on average."""
    chips = sorted({row["chip"] for row in rows})
    if len(chips) > MOST_CHIPS or len(rows) > MOST:
        _draw_ranges(rows, canvas)
        return
    looks = looks_of([row["part"] for row in rows])
    canvas.size(0.8 * max(1, len(chips)) + 0.9)
    places = canvas.figure.subplots(max(1, len(chips)), 1, sharex=True, squeeze=False)[:, 0]
    for chip, ax in zip(chips, places, strict=False):
        at = Counter[int]()
        for row in rows:
            if row["chip"] != chip:
                continue
            look, share = looks[row["part"]], 100 * row["share"]
            (bar,) = ax.bar(
                row["tile"], share, width=1.0, bottom=at[row["tile"]], color=look.colour, hatch=look.hatch,
                edgecolor="white", linewidth=0.2,
            )  # fmt: skip
            canvas.note(
                bar, f"chip {chip}, tile {row['tile']}, {row['part']}: {row['weights']:,} weights, {share:.3g} %"
            )
            at[row["tile"]] += share
        ax.set_ylim(0, 105)
        ax.set_yticks([0, 50, 100], ["0", "", "100"])
        ax.set_title(f"chip {chip}", loc="left", fontsize=8, pad=2)
        ax.grid(axis="y")
    if not chips:
        empty(places[0], "no weights stand on tiles")
    canvas.figure.supylabel("taken [%]", fontsize=9)
    places[-1].set_xlabel("tile")
    areas_legend(canvas, looks)


def _draw_ranges(rows: Rows, canvas: Canvas) -> None:
    """One line for the tiles of all chips, chip after chip."""
    numbers = {place: number for number, place in enumerate(sorted({(row["chip"], row["tile"]) for row in rows}))}
    looks, together = looks_of([row["part"] for row in rows]), -(-len(numbers) // RANGES)
    taken: dict[tuple[int, str], float] = defaultdict(float)
    for row in rows:
        taken[numbers[row["chip"], row["tile"]] // together, row["part"]] += 100 * row["share"]
    canvas.size(2.4)
    ax, at = canvas.axes(), defaultdict[int, float](float)
    for (number, part), shares in sorted(taken.items()):
        first, look = number * together, looks[part]
        tiles = min(together, len(numbers) - first)
        share = shares / tiles
        (bar,) = ax.bar(
            first, share, width=tiles, align="edge", bottom=at[number], color=look.colour, hatch=look.hatch,
            edgecolor="white", linewidth=0.2,
        )  # fmt: skip
        canvas.note(bar, f"tiles {first} to {first + tiles - 1} of all chips, {part}: {share:.3g} %")
        at[number] += share
    ax.set_ylim(0, 105)
    ax.set_ylabel("taken [%]")
    ax.set_xlabel("tile, chip after chip")
    areas_legend(canvas, looks)

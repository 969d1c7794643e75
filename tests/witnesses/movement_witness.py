"""A systolic array register by register, in plain Python: what each takes over in every cycle, and what comes out."""

from dataclasses import dataclass

from hwsim.arrays.systolic.array import SystolicArray
from hwsim.arrays.systolic.elements import Dataflow, Drain

Matrix = list[list[int]]


@dataclass(slots=True)
class Taken:
    """How often a register of each kind took over a valid word."""

    streamed: int = 0
    other: int = 0
    sums: int = 0


def stationary_tile(array: SystolicArray, act: Matrix, weight: Matrix) -> tuple[Matrix, Taken]:
    """act[stream][rows] meets weight[rows][cols]; one product for each element and cycle."""
    rows, cols, stream = array.rows, array.cols, len(act)
    taken = Taken()
    held: list[list[int | None]] = [[None] * cols for _ in range(rows)]
    for t in range(rows):  # the bottom row's weights come first and move down behind one another
        for r in range(rows - 1, -1, -1):
            for c in range(cols):
                arriving = held[r - 1][c] if r else weight[rows - 1 - t][c]
                if arriving is not None:
                    held[r][c] = arriving
                    taken.other += 1
                if r:
                    held[r - 1][c] = None
    if array.shadow_weights:
        taken.other += rows * cols
    assert held == weight

    acts: list[list[int | None]] = [[None] * cols for _ in range(rows)]
    sums: list[list[int | None]] = [[None] * cols for _ in range(rows)]
    out: Matrix = [[] for _ in range(cols)]
    for t in range(stream + rows + cols):
        for c in range(cols):
            leaving = sums[rows - 1][c]
            if leaving is not None:
                out[c].append(leaving)
        entering = [act[t - r][r] if 0 <= t - r < stream else None for r in range(rows)]
        acts = [[entering[r], *acts[r][:-1]] for r in range(rows)]
        before, sums = sums, [[None] * cols for _ in range(rows)]
        for r in range(rows):
            for c in range(cols):
                value = acts[r][c]
                if value is not None:
                    taken.streamed += 1
                    taken.sums += 1
                    above = before[r - 1][c] if r else 0
                    assert above is not None
                    sums[r][c] = above + value * weight[r][c]
    return [list(row) for row in zip(*out, strict=True)], taken


def output_tile(array: SystolicArray, act: Matrix, weight: Matrix) -> tuple[Matrix, Taken]:
    """act[rows][stream] times weight[stream][cols]; sums stay, then move down and out."""
    rows, cols, stream = array.rows, array.cols, len(weight)
    taken = Taken()
    acts: list[list[int | None]] = [[None] * cols for _ in range(rows)]
    weights: list[list[int | None]] = [[None] * cols for _ in range(rows)]
    sums = [[0] * cols for _ in range(rows)]
    for t in range(stream + rows + cols):
        left = [act[r][t - r] if 0 <= t - r < stream else None for r in range(rows)]
        top = [weight[t - c][c] if 0 <= t - c < stream else None for c in range(cols)]
        acts = [[left[r], *acts[r][:-1]] for r in range(rows)]
        weights = [top, *weights[:-1]]
        for r in range(rows):
            for c in range(cols):
                a, w = acts[r][c], weights[r][c]
                assert (a is None) == (w is None)
                if a is not None and w is not None:
                    taken.streamed += 1
                    taken.other += 1
                    taken.sums += 1
                    sums[r][c] += a * w
    if array.drain is Drain.SEPARATE:
        taken.sums += rows * cols
    column: list[list[int] | None] = list(sums)
    out: Matrix = []
    for _ in range(rows):
        leaving = column[-1]
        assert leaving is not None
        out.insert(0, leaving)
        column = [None, *column[:-1]]
        taken.sums += cols * sum(row is not None for row in column)
    return out, taken


def bits_of(array: SystolicArray, act: Matrix, weight: Matrix, words: tuple[int, int, int]) -> tuple[Matrix, int]:
    """The product, and the bits that registers took over; `words` are the widths of the three kinds."""
    tile = output_tile if array.dataflow is Dataflow.OS else stationary_tile
    out, taken = tile(array, act, weight)
    return out, taken.streamed * words[0] + taken.other * words[1] + taken.sums * words[2]

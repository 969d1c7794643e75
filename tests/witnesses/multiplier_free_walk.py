"""Temporal and bit-serial arrays in plain Python: which register takes over what in which cycle, found one event after
the other from what an element may do, and what comes out.

No register takes over two words in one cycle, and a tile starts as soon as that is so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

Matrix = list[list[int]]
Register = tuple[object, ...]


@dataclass
class Events:
    """Which registers took over so many bits in which cycle."""

    taken: dict[tuple[Register, int], int] = field(default_factory=dict)
    shared_adder_bits: int = 0

    def take(self, register: Register, cycle: int, bits: int) -> None:
        assert (register, cycle) not in self.taken, f"{register} takes over twice in cycle {cycle}"
        self.taken[register, cycle] = bits

    @property
    def bits(self) -> int:
        return sum(self.taken.values())


@dataclass(frozen=True)
class Walk:
    """Products in the order of K by row and column, cycles up to the last addition and the last result, and bits."""

    products: dict[tuple[int, int], list[int]]
    mac: int
    out: int
    events: Events


def temporal_walk(
    array_rows: int, array_cols: int, word: int, bits: int, pipelined: bool, act: Matrix, weight: Matrix
) -> Walk:
    """`word` bits of an operand, integers of a sign and a magnitude; `bits` of a sum."""
    events, window, multiple = Events(), 2 ** (word - 1), 2 * word - 1
    size_k, start, mac, out = len(weight), 0, 0, 0
    products: dict[tuple[int, int], list[int]] = {}
    leaves: dict[tuple[int, int], int] = {}  # the cycle in which the result of a place in the array last left
    for first_row, first_col in _tiles(array_rows, array_cols, act, weight):
        while any(
            _added(start, size_k - 1, r, c, window, pipelined) < leaves.get((r, c), -1)
            for r in range(array_rows)
            for c in range(array_cols)
        ):
            start += 1
        for k in range(size_k):
            for c in range(array_cols):
                magnitude = abs(_at(weight, k, first_col + c))
                begin, running = start + k * window + c, 0
                events.take(("weight", c), begin, word)
                multiples = []
                for t in range(window):
                    events.shared_adder_bits += multiple if t else 0
                    running += magnitude
                    multiples.append(running)
                    for r in range(array_rows if pipelined else 1):
                        events.take(("multiple", r, c), begin + t + r, multiple)
                for r in range(array_rows):
                    late = begin + (r if pipelined else 0)
                    if pipelined and r:
                        events.take(("sign of the weight", r, c), late, 1)
                    for t in range(window):
                        events.take(("spike", r, c), late + t, 1)
                    events.take(("chosen", r, c), late, multiple + 1)
                    events.take(("adder of the row", r), _added(start, k, r, c, window, pipelined), 0)
                    events.take(("sum", r, c), _added(start, k, r, c, window, pipelined), bits)
                    mac = max(mac, _added(start, k, r, c, window, pipelined) + 1)
                    a, w = _at(act, first_row + r, k), _at(weight, k, first_col + c)
                    chosen = multiples[abs(a) - 1] if a else 0
                    signed = -chosen if (a < 0) != (w < 0) else chosen
                    products.setdefault((first_row + r, first_col + c), []).append(signed)
            for r in range(array_rows):
                begin = start + k * window + (r if pipelined else 0)
                events.take(("word", r), begin, word)
                events.take(("word before", r), begin + window, word)
        for r in range(array_rows):
            for c in range(array_cols):
                ready = _added(start, size_k - 1, r, c, window, pipelined)
                events.take(("leaving", r, c), ready, bits)
                # The topmost row goes when its last column is ready, and each other one a cycle after the one above.
                leaves[r, c] = _added(start, size_k - 1, 0, array_cols - 1, window, pipelined) + 1 + r
                assert leaves[r, c] > ready
                out = max(out, leaves[r, c] + 1)
        start += size_k * window
    return Walk(products, mac, out, events)


def _added(start: int, k: int, r: int, c: int, window: int, pipelined: bool) -> int:
    """The cycle after a window, in which its product is added."""
    return start + (k + 1) * window + c + (r if pipelined else 0)


@dataclass(frozen=True)
class Widths:
    """Bits of the serial and the parallel operand (0: both are serial), of the sums of a bit, a step, a result."""

    serial: int
    parallel: int
    inner: int
    dot: int
    result: int


def bit_serial_walk(
    rows: int, cols: int, lanes: int, weights_are_serial: bool, width: Widths, act: Matrix, weight: Matrix
) -> Walk:
    """Operands in two's complement; with `width.parallel` 0 both come bit by bit."""
    events, both = Events(), not width.parallel
    pace = width.serial**2 if both else width.serial
    steps, start, mac, out = -(-len(weight) // lanes), 0, 0, 0
    products: dict[tuple[int, int], list[int]] = {}
    drained: dict[tuple[int, int], int] = {}
    for first_row, first_col in _tiles(rows, cols, act, weight):
        while any(start + steps * pace - 1 + r + c < drained.get((r, c), -1) for r in range(rows) for c in range(cols)):
            start += 1
        for step in range(steps):
            for r in range(rows):
                if both or not weights_are_serial:
                    events.take(("edge of row", r), start + step * pace + r, lanes * width.serial)
            for c in range(cols):
                if both or weights_are_serial:
                    events.take(("edge of column", c), start + step * pace + c, lanes * width.serial)
            for r in range(rows):
                for c in range(cols):
                    begin = start + step * pace + r + c
                    _element(events, (r, c), begin, pace, lanes, weights_are_serial, width)
                    mac = max(mac, begin + pace)
                    for k in range(step * lanes, step * lanes + lanes):
                        product = _by_bits(
                            _at(act, first_row + r, k), _at(weight, k, first_col + c), weights_are_serial, width
                        )
                        products.setdefault((first_row + r, first_col + c), []).append(product)
        for c in range(cols):
            bottom = start + steps * pace - 1 + rows - 1 + c
            for r in range(rows):
                events.take(("leaving", r, c), start + steps * pace - 1 + r + c, width.result)
                for below in range(r + 1, rows):
                    events.take(("leaving", below, c), bottom + below - r, width.result)
                # Nothing passes row r any more once the result of the topmost row has.
                drained[r, c] = bottom + r + 1
            out = max(out, bottom + rows + 1)
        start += steps * pace
    return Walk(products, mac, out, events)


def _element(
    events: Events, at: tuple[int, int], begin: int, pace: int, lanes: int, weights_are_serial: bool, width: Widths
) -> None:
    """The registers of one element in one step."""
    bits = width.serial
    for t in range(pace):
        if width.parallel:
            events.take(("serial", *at), begin + t, lanes)
            last_of_bit = True
        else:
            events.take(("bits of activations", *at), begin + t, lanes)
            if t % bits == 0:
                events.take(("bit of weights", *at), begin + t, lanes)
            last_of_bit = t % bits == bits - 1
        if t == pace - 1:
            events.take(("result", *at), begin + t, width.result)
        elif last_of_bit:
            events.take(("dot", *at), begin + t, width.dot)
        else:
            events.take(("inner", *at), begin + t, width.inner)
    if width.parallel:
        events.take(("parallel", *at), begin, lanes * width.parallel)


def _by_bits(a: int, w: int, weights_are_serial: bool, width: Widths) -> int:
    """A product as the sum of what single bits bring, the highest of which counts negative."""
    if not width.parallel:
        return sum(p * q for p in _worth(a, width.serial) for q in _worth(w, width.serial))
    serial, whole = (w, a) if weights_are_serial else (a, w)
    return sum(whole * worth for worth in _worth(serial, width.serial))


def _worth(value: int, bits: int) -> Iterator[int]:
    """What each bit of two's complement counts, if it is set."""
    written = format(value % 2**bits, f"0{bits}b")
    for place, bit in enumerate(reversed(written)):
        yield int(bit) * 2**place * (-1 if place == bits - 1 else 1)


def _tiles(rows: int, cols: int, act: Matrix, weight: Matrix) -> Iterator[tuple[int, int]]:
    for row in range(0, len(act), rows):
        for col in range(0, len(weight[0]), cols):
            yield row, col


def _at(matrix: Matrix, row: int, col: int) -> int:
    """An entry, or zero beyond the edges."""
    return matrix[row][col] if row < len(matrix) and col < len(matrix[0]) else 0

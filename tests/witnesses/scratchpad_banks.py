"""A scratchpad address by address and cycle by cycle: where entries lie, which words are asked for, which are served.

Everything is written out: a dictionary of addresses, one line of the array after another, a queue for each bank.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Tensor
from hwsim.ir.view import View

Matrix = list[list[int]]
"""Addresses in bits: [row][k]."""


class Asked(NamedTuple):
    """How a stream is taken: the lanes of a line, along K or across rows; the banks, bytes of a word, words that the
    port takes in a cycle."""

    along_k: bool
    lanes: int
    banks: int
    width: int
    port: int


def address(tensor: Tensor, entry: Sequence[int]) -> int:
    """Where an entry of a tensor lies that is stored row by row; entries outside lie as if there were such rows."""
    sizes, packed = list(tensor.shape), tensor.packed_axis
    row_bits = 8 * (-(-sizes[packed] * tensor.precision.bits // 8))
    row = 0
    for axis, place in enumerate(entry):
        if axis != packed:
            row = row * sizes[axis] + place
    return row * row_bits + entry[packed] * tensor.precision.bits


def entries(view: View, tensor: Tensor) -> tuple[tuple[int, ...], list[int]]:
    """The shape of a view, and the addresses of its entries in its order."""
    kept = [list(range(size)) for size in tensor.shape]
    for window in view.windows:
        kept[window.axis] = list(window.entries(tensor.shape[window.axis]))
    order = view.order or tuple(range(len(kept)))
    addresses = []
    for places in product(*(kept[axis] for axis in order)):
        entry = [0] * len(order)
        for axis, place in zip(order, places, strict=True):
            entry[axis] = place
        addresses.append(address(tensor, entry))
    return tuple(len(kept[axis]) for axis in order), addresses


def act_of_gemm(op: Gemm, program: Program, m: int, k: int) -> Matrix:
    """The first product's rows of activations."""
    _, addresses = entries(op.act, program.tensor(op.act.tensor))
    return from_first([addresses[row * k : (row + 1) * k] for row in range(m)])


def weight_of_gemm(op: Gemm, program: Program) -> Matrix:
    """The first product's columns of what takes the place of a weight, as rows along K."""
    shape, addresses = entries(op.weight, program.tensor(op.weight.tensor))
    high, wide = shape[-2:]
    first = [addresses[row * wide : (row + 1) * wide] for row in range(high)]
    return from_first(first if op.transposed else [list(column) for column in zip(*first, strict=True)])


def windows_of_conv(op: Conv, program: Program) -> Matrix:
    """The windows of a convolution's first group, zeros around as if they were stored."""
    tensor = program.tensor(op.act.tensor)
    rows = []
    for batch, *at in product(range(tensor.shape[0]), *(range(axis.outputs) for axis in op.axes)):
        row = []
        for *tap, channel in product(*(range(axis.kernel) for axis in op.axes), range(tensor.shape[-1] // op.groups)):
            slid = [
                place * axis.stride - axis.before + step * axis.dilation
                for place, step, axis in zip(at, tap, op.axes, strict=True)
            ]
            row.append(address(tensor, (batch, *slid, channel)))
        rows.append(row)
    return from_first(rows)


def from_first(rows: Matrix) -> Matrix:
    """The first entry lies at the beginning of a word."""
    return [[place - rows[0][0] for place in row] for row in rows]


def lines(rows: Matrix, asked: Asked) -> Iterator[list[int]]:
    """The lines of a stream: the entry that each lane takes."""
    if asked.along_k:
        for first in range(0, len(rows[0]), asked.lanes):
            for row in rows:
                yield row[first : first + asked.lanes]
        return
    for first in range(0, len(rows), asked.lanes):
        for k in range(len(rows[0])):
            yield [row[k] for row in rows[first : first + asked.lanes]]


def words(rows: Matrix, bits: int, asked: Asked) -> list[int]:
    """The words that a stream asks for, in order: a lane keeps the last word of its entry before."""
    wanted: list[int] = []
    kept: dict[int, int] = {}
    for line in lines(rows, asked):
        for lane, place in enumerate(line):
            of_entry = sorted({bit // (8 * asked.width) for bit in range(place, place + bits)})
            for word in of_entry:
                if kept.get(lane) != word and wanted[-1:] != [word]:
                    wanted.append(word)
            kept[lane] = of_entry[-1]
    return wanted


def cycles(wanted: Sequence[int], asked: Asked) -> int:
    """How long the banks take to serve these words: the port asks for so many at once, and each bank serves one of them
    in a cycle; then it asks for the next ones."""
    clock, waiting = 0, deque(wanted)
    while waiting:
        queues: list[deque[int]] = [deque() for _ in range(asked.banks)]
        for _ in range(min(asked.port, len(waiting))):
            word = waiting.popleft()
            queues[word % asked.banks].append(word)
        while any(queues):
            for queue in queues:
                if queue:
                    queue.popleft()
            clock += 1
    return clock


def served(rows: Matrix, bits: int, asked: Asked) -> int:
    """The cycles of a whole stream."""
    return cycles(words(rows, bits, asked), asked)


def bytes_of(rows: Matrix, bits: int) -> int:
    """What enters the array: each row packed without gaps."""
    return sum(-(-len(row) * bits // 8) for row in rows)

"""Ops of a program as the core with most to do works on them, and where tensors lie that several cores write or read.

In lockstep all cores take the steps of one, on shares of their own. A tensor whose writers and readers all split the
same rows in the same shares lies in shares, each in the scratchpad of its core. Every other one that ops write lies
whole in all scratchpads, and what a core writes of it is sent to the others; unless one core alone has to do with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.op_table import MatrixSize
from hwsim.ir.view import View
from hwsim.kernels import placing_code as p
from hwsim.mapping.activations import by_rows, is_whole, prefixes_barred
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.op_shapes import (
    OpShape,
    ProductShape,
    ProductShares,
    RowFunction,
    RowOperand,
    RowShape,
    ShapedOp,
    Shares,
)
from hwsim.mapping.splits import Split, Splits

Ints = NDArray[np.int64]

_ONE = Split()


class Touch(NamedTuple):
    """How an op has to do with a tensor: on one core, by shares of so many rows, or (no rows) in another way."""

    rows: int
    share: int
    alone: bool = False


_ALONE, _OTHER = Touch(0, 0, alone=True), Touch(0, 0)


class RowUse(NamedTuple):
    """How a step has to do with a tensor: the op whose step it is, and in how many rows, None if not row by row."""

    owner: str
    rows: int | None


@dataclass(frozen=True, eq=False)
class RowUses:
    """How the ops of a program use tensors row by row, however they are split; `values` of chains on a single row stand
    by the names of ops."""

    analysed: AnalysedProgram
    values: Mapping[str, int]

    @cached_property
    def of_tensors(self) -> Mapping[str, tuple[RowUse, ...]]:
        """The different uses of each tensor that ops write."""
        owners, rows_of, found = self._owners, self._rows_of, {}
        for name, uses in self.analysed.uses.tensors.items():
            if not uses.tensor.role.given:
                each = (
                    RowUse(owners[use.op.name], rows_of.get((use.op.name, use.view)) if is_whole(use.view) else None)
                    for use in uses.uses
                    if use.op.name in owners
                )
                found[name] = tuple(dict.fromkeys(each))
        return found

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The op with whose steps each op runs: its producer, if it is an epilogue."""
        owners = {}
        for name, sized in self.analysed.largest.items():
            owners[name] = name
            if sized.epilogue is not None:
                owners[sized.epilogue.op.name] = name
        return owners

    @cached_property
    def _rows_of(self) -> dict[tuple[str, View], int]:
        """How many rows ops have that read or write a view row by row."""
        largest = self.analysed.largest
        found = {(op, view): rows for sized in largest.values() for op, view, rows in by_rows(sized)}
        for name, values in self.values.items():
            found |= {(name, view): values for view, _ in largest[name].shapes}
        return found


@dataclass(frozen=True, eq=False)
class OnCores:
    """A program's ops on several cores, each split as `splits` say."""

    row_uses: RowUses
    splits: Splits

    @property
    def analysed(self) -> AnalysedProgram:
        return self.row_uses.analysed

    @cached_property
    def touches(self) -> Mapping[str, Touch]:
        """How all that use it have to do with each tensor that ops write."""
        found = {}
        for name, uses in self.row_uses.of_tensors.items():
            touches = {self._touch(use) for use in uses}
            if touches:
                found[name] = touches.pop() if len(touches) == 1 else _OTHER
        return found

    def sent(self, tensor: str | None) -> bool:
        """Whether what a core writes of a tensor is sent to the others."""
        return tensor is not None and self.touches.get(tensor) == _OTHER

    def bytes_of(self, tensor: str) -> int | None:
        """The bytes that a core holds of a tensor that lies in shares, in one space; None of all others."""
        touch = self.touches.get(tensor)
        if touch is None or not touch.rows:
            return None
        return -(-self.analysed.uses.tensors[tensor].tensor.packed_bytes * touch.share // touch.rows)

    def remark(self, tensor: str) -> str:
        """Where the cores have a tensor that is kept, as the end of a sentence."""
        touch = self.touches.get(tensor, _ALONE)
        if touch == _ALONE:
            return ", on one core" if self.splits else ""
        if touch.rows:
            return f", in shares of {touch.share:,} of {touch.rows:,} on the cores"
        return ", on every core"

    def buffers(self, activations: Sequence[str], buffers: Ints) -> Ints:
        """The buffers of activations in the scratchpad of one core."""
        found = buffers.copy()
        for row, name in zip(found, activations, strict=True):
            touch, tensor = self.touches.get(name, _ALONE), self.analysed.uses.tensors[name]
            if touch == _ALONE:
                continue
            by_row = touch.rows > 0 and touch.rows == row[p.ALL_ROWS]
            row[p.ALL_ROWS] = touch.share if by_row else 0
            row[p.BARRED] = prefixes_barred(name, int(row[p.ALL_ROWS]), self.analysed.uses.tensors) if by_row else 0
            if touch.rows:
                row[p.BYTES] = (self.bytes_of(name) or 0) * tensor.spaces
        return found

    def shaped(self, ops: Iterable[tuple[str, int, ShapedOp]]) -> tuple[ShapedOp, ...]:
        """Ops as the core with most to do works on each of them, given by name, the number of their shape, and
        themselves; ops of one shape mostly have one again."""
        known: dict[tuple[object, ...], OpShape] = {}
        found = []
        for name, of_class, op in ops:
            split = self.splits.get(name, _ONE)
            key = of_class, op.values, split, tuple(self.sent(tensor) for tensor in op.roles)
            if key not in known:
                known[key] = self._shape(op, split)
            found.append(replace(op, shape=known[key]))
        return tuple(found)

    def _touch(self, use: RowUse) -> Touch:
        split = self.splits.get(use.owner, _ONE)
        if split.cores == 1:
            return _ALONE
        if use.rows is None or split.cores > split.m:
            return _OTHER
        share = Shares.of(use.rows, split.m)
        return _ALONE if share.cores == 1 else Touch(use.rows, share.size)

    def _shape(self, op: ShapedOp, split: Split) -> OpShape:
        shape = op.shape
        if isinstance(shape, ProductShape):
            first = len(op.roles) - len(shape.writes)
            writes = tuple(
                each._replace(sent=self.sent(name)) for each, name in zip(shape.writes, op.roles[first:], strict=True)
            )
            sent = not shape.has_epilogue and self.sent(op.roles[_OUT])
            return replace(_product(shape, split), writes=writes, sent=sent)
        first = len(shape.reads)
        writes_of_rows = tuple(
            each._replace(sent=self.sent(name)) for each, name in zip(shape.writes, op.roles[first:], strict=True)
        )
        return rows_over_cores(replace(shape, writes=writes_of_rows), op.values, split)


_OUT = 2
"""The place of a product's result among its roles."""


def _product(shape: ProductShape, split: Split) -> ProductShape:
    shares = product_shares(shape.operands.size, split)
    own = shares.size(shape.operands.size.k)
    return replace(shape, operands=replace(shape.operands, size=own), shares=shares)


def product_shares(size: MatrixSize, split: Split) -> ProductShares:
    """A product over cores; the batch in equal shares alone."""
    batches = max(parts for parts in range(1, split.batch + 1) if size.batch % parts == 0)
    return ProductShares(Shares.of(size.batch, batches), Shares.of(size.m, split.m), Shares.of(size.n, split.n))


def rows_over_cores(shape: RowShape, values: int | None, split: Split) -> RowShape:
    """An op of the vector unit over cores; a single row in shares of its values, if it is said how many they are."""
    if split.m == 1:
        return shape
    if values is not None and shape.rows == 1:
        shape = _by_values(shape, values)
    shares = Shares.of(shape.rows, split.m)

    def own(operand: RowOperand) -> RowOperand:
        if operand.shared or shares.cores == 1:
            return operand
        part = -(-operand.bytes * shares.size // shape.rows) + operand.halo
        return operand._replace(bytes=min(operand.bytes, part))

    return replace(
        shape,
        rows=shares.size,
        reads=tuple(map(own, shape.reads)),
        writes=tuple(map(own, shape.writes)),
        shares=shares,
    )


def _by_values(shape: RowShape, values: int) -> RowShape:
    """A single row as so many rows of one value."""
    functions = tuple(RowFunction(each.function, 0, each.row // values) for each in shape.functions)
    return replace(shape, rows=values, functions=functions)

"""Over how many cores each op of a program is split, and along what: the rules by which the planner tries.

With a few cores the best split of an op depends on where its operands already lie, with many on how well shares fill
the array. So plans are made by several rules for each number of cores, and the timeline says which of them is fastest.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from math import gcd
from typing import NamedTuple

from hwsim.ir.op_table import MatrixSize, matrix_size
from hwsim.ir.ops import Gemm
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.op_shapes import ProductShape, ShapedOp
from hwsim.mapping.operands import Operands
from hwsim.mapping.target import Target, UnsupportedOp, array_alone, mode_of, naming
from hwsim.quantities.precision import Precision


class Split(NamedTuple):
    """Over how many cores the batch, the rows and the columns of an op are split; an op of the vector unit has rows."""

    batch: int = 1
    m: int = 1
    n: int = 1

    @property
    def cores(self) -> int:
        """How many cores that takes at most."""
        return self.batch * self.m * self.n

    @property
    def written(self) -> str:
        """The split in words.

        >>> Split(m=4, n=8).written, Split(batch=2).written
        ('4 of m, 8 of n', '2 of batch')
        """
        parts = ((self.batch, "batch"), (self.m, "m"), (self.n, "n"))
        return ", ".join(f"{count} of {name}" for count, name in parts if count > 1)


Splits = Mapping[str, Split]
"""By the names of ops; those not named run on one core."""


class SplitRule(Enum):
    """How products are split over a number of cores; the batch goes first, as far as it divides."""

    ROWS = "rows"  # along M, or along N where there are fewer rows than cores
    COLUMNS = "columns"  # along N
    FASTEST = "fastest"  # as the array is fastest alone; of equals, along M, so that results stay where they are


def core_counts(cores: int) -> tuple[int, ...]:
    """How many cores are tried: all numbers up to eight, then powers of two, and all cores.

    Every number of these below a number of cores is below any larger one. So the plans for as many cores are among
    those for more, which are therefore never slower.

    >>> core_counts(1), core_counts(6)
    ((1,), (1, 2, 3, 4, 5, 6))
    >>> core_counts(19)
    (1, 2, 3, 4, 5, 6, 7, 8, 16, 19)
    """
    powers = {1 << power for power in range(cores.bit_length())}
    return tuple(sorted({*range(1, min(cores, 8)), *powers, cores}))


def tried_splits(analysed: AnalysedProgram, ops: Mapping[str, ShapedOp], target: Target) -> tuple[Splits, ...]:
    """All splits of a program's ops to make plans for, which `ops` are in their largest sizes, by name; with one core
    and nothing forced, the only one is empty."""
    forced, splitting = _forced(analysed, target.ports.cores), _Splitting(ops, target)
    found: dict[tuple[tuple[str, Split], ...], Splits] = {}
    for cores in core_counts(target.ports.cores):
        for rule in SplitRule:
            splits = splitting.splits(cores, rule) | forced
            found.setdefault(tuple(sorted(splits.items())), splits)
    return tuple(found.values())


def _forced(analysed: AnalysedProgram, cores: int) -> dict[str, Split]:
    """The splits that the program itself says; UnsupportedOp, if there are too few cores, or nothing to split."""
    forced = {}
    for name, sized in analysed.largest.items():
        op = sized.op
        if not isinstance(op, Gemm) or op.place is None:
            continue
        place, size = op.place, matrix_size(op, sized.shape)
        if place.cores > cores:
            why = f"place takes {place.cores:,} cores, the chip has {cores:,}; split it less, or give more cores"
            raise UnsupportedOp(name, why)
        for label, parts, whole in (("m", place.m, size.m), ("n", place.n, size.n)):
            if parts > whole:
                raise UnsupportedOp(name, f"place.{label} = {parts:,}: there are {whole:,} to split; give less")
        if size.batch % place.batch:
            why = f"place.batch = {place.batch:,}: must divide the {size.batch:,} products of the batch"
            raise UnsupportedOp(name, why)
        forced[name] = Split(place.batch, place.m, place.n)
    return forced


class _Splitting:
    """The splits of a program's ops; equal products are split alike, and looked at once."""

    def __init__(self, ops: Mapping[str, ShapedOp], target: Target) -> None:
        self.ops, self.target = ops, target
        self._found: dict[tuple[MatrixSize, Precision, int], Split] = {}

    def splits(self, cores: int, rule: SplitRule) -> dict[str, Split]:
        """Each op over so many cores, as that rule says."""
        if cores == 1:
            return {}
        found = {}
        for name, op in self.ops.items():
            with naming(name):
                split = self._split(op, cores, rule)
            if split.cores > 1:
                found[name] = split
        return found

    def _split(self, op: ShapedOp, cores: int, rule: SplitRule) -> Split:
        if isinstance(op.shape, ProductShape):
            return self._product(op.shape.operands, cores, rule)
        # A single row of values is split by the values, if they are all alike.
        return Split(m=min(cores, max(op.shape.rows, op.values or 1)))

    def _product(self, operands: Operands, cores: int, rule: SplitRule) -> Split:
        size = operands.size
        if rule is SplitRule.FASTEST:
            mode = mode_of(operands, self.target)
            key = size, mode, cores
            if key not in self._found:
                self._found[key] = self._fastest(size, mode, cores)
            return self._found[key]
        batch = max(parts for parts in range(1, min(cores, size.batch) + 1) if size.batch % parts == 0)
        left = cores // batch
        if (rule is SplitRule.ROWS and size.m >= left) or (rule is SplitRule.COLUMNS and size.n < left):
            return Split(batch, m=min(left, size.m))
        return Split(batch, n=min(left, size.n))

    def _fastest(self, size: MatrixSize, mode: Precision, cores: int) -> Split:
        def cycles(split: Split) -> int:
            share = MatrixSize(size.batch // split.batch, -(-size.m // split.m), size.k, -(-size.n // split.n))
            return array_alone(mode, share, self.target)

        return min(_all_splits(size, cores), key=lambda split: (cycles(split), -split.m, split.cores))


def _all_splits(size: MatrixSize, cores: int) -> Iterator[Split]:
    """Every way to split a product over no more cores, in numbers that are tried or use all cores."""
    counts = core_counts(cores)
    for batch in (parts for parts in counts if gcd(parts, size.batch) == parts):
        for m in (parts for parts in counts if parts <= size.m and batch * parts <= cores):
            most = min(cores // (batch * m), size.n)
            for n in {*(parts for parts in counts if parts <= most), most}:
                yield Split(batch, m, n)

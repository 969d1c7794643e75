"""Gives matrices their tiles.

Matrices get tiles of their own, the largest first, on one chip if they can. Only where tiles do not suffice, matrices
of one copy share tiles, side by side in columns, those with most products a tile first; what is left is digital.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.weights import OffsetRemoval
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.mapping.tiles.candidates import DEPTHWISE, Block, Candidate, candidates
from hwsim.schedule.tiles import DigitalOp, PlacedMatrix, Placement, TilePart

NO_TILE = "no tile left"


def place(program: Program, chip: AnalogChip) -> Placement:
    """The tiles of all weights of a program; Unsupported if a product can be made nowhere."""
    found = candidates(program, chip)
    works = [_Work.of(one, chip) for one in found.matrices]
    needed = sum(work.tiles for work in works)
    if needed <= chip.chips * chip.tiles:
        _place_alone(works, _Rooms(chip, sharing=False))
        left = set[str]()
    else:
        left = _place_most(works, chip)
    reasons = dict(found.reasons)
    for work in works:
        if work.one.tensor in left:
            reasons |= dict.fromkeys(work.one.ops, NO_TILE)
    _check_digital(program, chip, reasons, needed)
    order = {op.name: place for place, op in enumerate(placed.op for placed in program.placed())}
    matrices = _matrices([work for work in works if work.one.tensor not in left])
    array = chip.array
    return Placement(
        matrices=matrices,
        digital=tuple(DigitalOp(op=op, reason=reasons[op]) for op in sorted(reasons, key=order.__getitem__)),
        rows=array.rows,
        cols=array.cols,
        dense_cols=array.cols * len(array.weights.significance),
        tiles=chip.tiles,
        chips=chip.chips,
        programmed_cells=sum(_cells(matrix, chip) for matrix in matrices),
    )


@dataclass(slots=True)
class _Work:
    """A tensor with the parts of one of its matrices, and where all of them came to stand: by batch, then copy."""

    one: Candidate
    blocks: tuple[Block, ...]
    cols: int
    spots: list[list[tuple[int, int, int]]] = field(default_factory=list)
    """For each batch, chip, tile and first column of each part of each copy."""

    @classmethod
    def of(cls, one: Candidate, chip: AnalogChip) -> "_Work":
        tile = chip.tile_of(dense=one.dense)
        return cls(one, one.blocks(tile), tile.cols)

    @property
    def tiles_of_one(self) -> int:
        """Tiles of the copies of one matrix that takes vectors of its own."""
        return len(self.blocks) * self.one.copies

    @property
    def tiles(self) -> int:
        """Tiles of all copies, none shared."""
        return self.tiles_of_one * self.one.batches


@dataclass(slots=True)
class _Open:
    """A tile with columns left, from `used` on."""

    chip: int
    tile: int
    dense: bool
    used: int
    vectors: int
    """Those of all matrices on it."""


class _Rooms:
    """The tiles that nobody has yet, of each chip, and those with columns left."""

    def __init__(self, chip: AnalogChip, *, sharing: bool) -> None:
        self.sharing = sharing
        """Whether tiles are shared before all are taken, so that more matrices fit."""
        self.next = [0] * chip.chips
        self.most = chip.tiles
        self.open: list[_Open] = []

    def free(self, chip: int) -> int:
        return self.most - self.next[chip]

    def take(self, chip: int) -> int:
        self.next[chip] += 1
        return self.next[chip] - 1

    def first_with(self, tiles: int) -> int | None:
        """The first chip with so many free tiles."""
        return next((chip for chip in range(len(self.next)) if self.free(chip) >= tiles), None)

    def chips_for(self, tiles: int, only: int | None = None) -> list[int] | None:
        """The chips of so many tiles: the only one that may be; or the first that has all of them, else those with most
        room, as few as can be. None, if there are not so many."""
        if only is not None:
            return [only] * tiles if self.free(only) >= tiles else None
        first = self.first_with(tiles)
        if first is not None:
            return [first] * tiles
        chips: list[int] = []
        for chip in sorted(range(len(self.next)), key=lambda chip: (-self.free(chip), chip)):
            chips += [chip] * min(self.free(chip), tiles - len(chips))
        return chips if len(chips) == tiles else None


def _place_alone(works: Iterable[_Work], rooms: _Rooms) -> None:
    """Give each matrix tiles of its own; there are enough. A layer stays on one chip where one has room for it, else
    each of its matrices does; those that must be spread come last."""
    layers: dict[str, list[tuple[_Work, int]]] = {}
    for work in sorted(works, key=lambda work: work.one.order):
        work.spots = [[] for _ in range(work.one.batches)]
        layer = layers.setdefault(work.one.ops[0].rpartition(".")[0], [])
        layer += [(work, batch) for batch in range(work.one.batches)]
    spread = []
    for layer in layers.values():
        together = rooms.first_with(sum(work.tiles_of_one for work, _ in layer))
        for work, batch in layer:
            if together is None and rooms.first_with(work.tiles_of_one) is None:
                spread.append((work, batch))
            else:
                _take(work, batch, rooms, together)
    for work, batch in spread:
        _take(work, batch, rooms)


def _take(work: _Work, batch: int, rooms: _Rooms, only: int | None = None) -> None:
    chips = rooms.chips_for(work.tiles_of_one, only)
    assert chips is not None, "the tiles were counted"
    work.spots[batch] = [(chip, rooms.take(chip), 0) for chip in chips]


def _place_most(works: Sequence[_Work], chip: AnalogChip) -> set[str]:
    """Share tiles when all are taken or, where that leaves fewer products without a tile, from the beginning."""
    left = _place_shared(works, _Rooms(chip, sharing=False))
    if not left:
        return left
    spots = [work.spots for work in works]
    tighter = _place_shared(works, _Rooms(chip, sharing=True))
    lost, lost_tighter = (sum(work.one.macs for work in works if work.one.tensor in each) for each in (left, tighter))
    if lost_tighter < lost:
        return tighter
    for work, before in zip(works, spots, strict=True):
        work.spots = before
    return left


def _place_shared(works: Iterable[_Work], rooms: _Rooms) -> set[str]:
    """Place tensors with most products a tile first, on shared tiles where they fit; the tensors that do not fit."""
    left = set[str]()
    for work in sorted(works, key=lambda work: (-work.one.macs / work.tiles, work.one.order)):
        before = list(rooms.next), [replace(one) for one in rooms.open]
        spots = [_shared_spots(work, rooms) for _ in range(work.one.batches)]
        work.spots = [each for each in spots if each is not None]
        if len(work.spots) < len(spots):
            rooms.next, rooms.open = before
            left.add(work.one.tensor)
    return left


def _shared_spots(work: _Work, rooms: _Rooms) -> list[tuple[int, int, int]] | None:
    """Spots of all parts of all copies: on free tiles of a chip, on shared ones, else wherever there is room."""
    chips_tried: list[int | None] = [*range(len(rooms.next)), None]
    own = [] if rooms.sharing else [(chip, False) for chip in chips_tried]
    for chip, sharing in (*own, *((chip, True) for chip in chips_tried)):
        shared = _shares(work, rooms, chip) if sharing else {}
        wanted = work.tiles_of_one - len(shared)
        chips = rooms.chips_for(wanted, chip)
        if chips is None:
            continue
        return _fill(work, rooms, shared, chips)
    return None


def _shares(work: _Work, rooms: _Rooms, chip: int | None) -> dict[int, _Open]:
    """For parts that fit beside others: of the open tiles with room the one that takes fewest vectors; each tile takes
    one part."""
    shared: dict[int, _Open] = {}
    if work.one.copies > 1:
        return shared
    there = [one for one in rooms.open if one.dense == work.one.dense and chip in (None, one.chip)]
    there.sort(key=lambda one: one.vectors)
    for place, block in enumerate(work.blocks):
        for one in there:
            if one.used + block.cols <= work.cols:
                there.remove(one)
                shared[place] = one
                break
    return shared


def _fill(work: _Work, rooms: _Rooms, shared: dict[int, _Open], chips: list[int]) -> list[tuple[int, int, int]]:
    """Take the shared tiles, and new ones on these chips for the other parts."""
    spots, fresh = list[tuple[int, int, int]](), iter(chips)
    for copy in range(work.one.copies):
        for place, block in enumerate(work.blocks):
            one = shared.get(place) if copy == 0 else None
            if one is not None:
                spots.append((one.chip, one.tile, one.used))
                one.used += block.cols
                one.vectors += work.one.vectors
                continue
            chip = next(fresh)
            spots.append((chip, rooms.take(chip), 0))
            if work.one.copies == 1 and block.cols < work.cols:
                rooms.open.append(_Open(chip, spots[-1][1], work.one.dense, block.cols, work.one.vectors))
    return spots


def _matrices(works: Iterable[_Work]) -> tuple[PlacedMatrix, ...]:
    """The nouns, in program order; matrices that share a tile, directly or over others, have one unit."""
    works = sorted(works, key=lambda work: work.one.order)
    first_on: dict[tuple[int, int], int] = {}
    leaders: list[int] = []

    def leader(number: int) -> int:
        while leaders[number] != number:
            number = leaders[number]
        return number

    for work in works:
        for spots in work.spots:
            number = len(leaders)
            leaders.append(number)
            for chip, tile, _ in spots:
                other = leader(first_on.setdefault((chip, tile), number))
                low, high = sorted((other, leader(number)))
                leaders[high] = low
    units = {root: unit for unit, root in enumerate(sorted({leader(number) for number in range(len(leaders))}))}
    nouns: list[PlacedMatrix] = []
    for work in works:
        for batch, spots in enumerate(work.spots):
            nouns.append(_matrix(work, batch, spots, units[leader(len(nouns))]))
    return tuple(nouns)


def _matrix(work: _Work, batch: int, spots: list[tuple[int, int, int]], unit: int) -> PlacedMatrix:
    one, blocks = work.one, work.blocks
    parts = tuple(
        TilePart(
            chip=chip,
            tile=tile,
            copy=number // len(blocks),
            matrix=blocks[number % len(blocks)].matrix,
            row=blocks[number % len(blocks)].row,
            rows=blocks[number % len(blocks)].rows,
            col=blocks[number % len(blocks)].col,
            cols=blocks[number % len(blocks)].cols,
            at=at,
        )
        for number, (chip, tile, at) in enumerate(spots)
    )
    return PlacedMatrix(
        tensor=one.tensor,
        ops=tuple(one.ops),
        batch=batch,
        matrices=one.size.batch if one.together else 1,
        k=one.size.k,
        n=one.size.n,
        row_parts=len({block.row for block in blocks}),
        col_parts=len({block.col for block in blocks}),
        copies=one.copies,
        dense=one.dense,
        unit=unit,
        parts=parts,
    )


def _cells(matrix: PlacedMatrix, chip: AnalogChip) -> int:
    """Cells to program, a column of middles counted where there is one."""
    tile = chip.tile_of(dense=matrix.dense)
    middle = tile.weights.offset_removal is OffsetRemoval.COLUMN
    return tile.cells * sum(part.rows * (part.cols + middle) for part in matrix.parts)


def _check_digital(program: Program, chip: AnalogChip, reasons: dict[str, str], needed: int) -> None:
    """Refuse products that neither tiles nor lanes can make, for the first such op."""
    for placed in program.placed():
        op = placed.op
        if op.name not in reasons or not isinstance(op, (Gemm, Conv)):
            continue
        if reasons[op.name] == DEPTHWISE:  # lanes multiply and add its entries, as functions
            continue
        act, weight = (program.tensor(view.tensor).precision for view in (op.act, op.weight))
        if chip.vector.products_a_cycle(act, weight) is not None:
            continue
        why = f"{op.name}: {reasons[op.name]}, and the vector unit multiplies no {act.value} by {weight.value}"
        if reasons[op.name] == NO_TILE:
            remedy = f"{needed:,} tiles are needed, {chip.chips * chip.tiles:,} are there; give more tiles or chips"
        else:
            remedy = "give vector.macs_per_lane, or a plan of integers"
        raise Unsupported(f"{why}; {remedy}")

"""Op schedules, made once for all plans that cut an op alike and have its tensors in the same places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hwsim.core.laws import kind, law
from hwsim.core.ops import Conv, Gemm
from hwsim.core.precision import Precision
from hwsim.core.schedule import Block, Loaded, OpSchedule, Written
from hwsim.core.steps import Ring, StepTree
from hwsim.core.view import View
from hwsim.mapping.kept import ALL, KeptRows, spots
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import fastest_cut, frugal_cut, naive_cut
from hwsim.mapping.network import Network, columns_of, parameters_of, pieces_of
from hwsim.mapping.pieces import MatrixPiece, VectorPiece
from hwsim.mapping.plan import Plan, Resident
from hwsim.mapping.succession import next_streams, waits_for_next
from hwsim.mapping.target import Target
from hwsim.mapping.tiling import Tiling
from hwsim.mapping.vector import Rows, cut_rows, fastest_rows, naive_rows


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """An op with its tensors in given places: its schedule but for the cut, and for whose space it takes."""

    sized: SizedOp
    place: int
    cuts: Tiling | Rows
    macs: int
    mode: Precision | None
    array_reads: tuple[str, ...]
    vector_reads: tuple[str, ...]
    loaded: tuple[Loaded, ...]
    kept: tuple[Written, ...]
    stored: tuple[Written, ...]
    made: dict[object, OpSchedule] = field(repr=False)

    def schedule(self, plan: Plan, overwrites: tuple[str, ...]) -> OpSchedule:
        """The op as that plan cuts it, taking the space of these."""
        steps, block = self._cut(plan, plan.room[self.place])
        key = id(steps), overwrites  # what is made keeps its steps, so that no others get their identity
        if key not in self.made:
            self.made[key] = self._made(steps, block, overwrites)
        return self.made[key]

    def overwrites(self, plan: Plan) -> tuple[str, ...]:
        """Whose space the op takes in that plan."""
        return tuple(dict.fromkeys(dead for one in self.kept for dead in plan.handovers[one.tensor]))

    def _cut(self, plan: Plan, room: int) -> tuple[tuple[StepTree, ...], Block | None]:
        if isinstance(self.cuts, Rows):
            rows = self.cuts
            if plan.naive and rows.least_held <= room:
                return cut_rows(rows, naive_rows(rows, room)).steps, None
            return fastest_rows(rows, room, plan.latency).steps, None
        cut = naive_cut(self.cuts, room) if plan.naive else None
        if cut is None or cut.bytes_held > room:
            cut = frugal_cut(self.cuts, room) if plan.frugal else fastest_cut(self.cuts, room, plan.latency)
        return cut.steps, cut.block

    def _made(self, steps: tuple[StepTree, ...], block: Block | None, overwrites: tuple[str, ...]) -> OpSchedule:
        op, follows = self.sized.op, self.sized.follower
        return OpSchedule(
            name=op.name,
            kind=kind(op),
            array_reads=self.array_reads,
            vector_reads=self.vector_reads,
            loaded=self.loaded,
            kept=self.kept,
            stored=self.stored,
            overwrites=overwrites,
            fused=None if follows is None else (follows.op.name, kind(follows.op)),
            steps=steps,
            macs=self.macs,
            mode=self.mode,
            block=block,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Variants:
    """All variants of a sized op: its tensors, and the names by which it knows that something of it is resident."""

    piece: MatrixPiece | VectorPiece
    tensors: tuple[str, ...]
    weight: str | None
    together: str  # its columns or parameters
    found: "dict[Where, Variant]" = field(default_factory=dict)


Where = tuple[int, bool, tuple[int, ...]]
"""Rows of tiles of the weight that are resident, whether columns or parameters are, how much of each tensor is kept."""


class Variants:
    """The variants of all ops of a network on a target."""

    def __init__(self, network: Network, target: Target) -> None:
        self.program, self.pieces = network.program, pieces_of(network, target)
        self.place_of = network.uses.place_of
        self.following = next_streams(network, target) if waits_for_next(target.array) else {}
        self._of: dict[int, tuple[_Variants, SizedOp]] = {}

    def where(self, sized: SizedOp, kept: KeptRows, residents: Mapping[str, Resident]) -> "Where":
        """How much of the op's tensors lies in the scratchpad: the same for all of its sizes."""
        every = self._every(sized)
        resident = None if every.weight is None else residents.get(every.weight)
        rows, together = 0 if resident is None else resident.rows, every.together in residents
        return rows, together, tuple([kept.get(name, 0) for name in every.tensors])

    def of(self, sized: SizedOp, where: "Where") -> Variant:
        """The variant of the op with its tensors there."""
        every = self._every(sized)
        found = every.found.get(where)
        if found is None:
            rows, together, here = where
            own = {name: first for name, first in zip(every.tensors, here, strict=True) if first}
            found = every.found[where] = self._variant(sized, every.piece, own, rows, together=together)
        return found

    def _every(self, sized: SizedOp) -> "_Variants":
        found = self._of.get(id(sized))
        if found is None:
            found = self._of[id(sized)] = self._variants(sized), sized
        return found[0]

    def _variants(self, sized: SizedOp) -> _Variants:
        piece, name = self.pieces.of(sized), sized.op.name
        if isinstance(piece, VectorPiece):
            return _Variants(piece, tuple(dict.fromkeys(piece.names)), None, parameters_of(name))
        scales = () if piece.row_scales is None else (piece.row_scales,)
        tensors = piece.act, piece.weight, piece.out, *scales, *piece.follower_reads, *piece.follower_writes
        return _Variants(piece, tuple(dict.fromkeys(tensors)), piece.weight, columns_of(name))

    def _variant(
        self, sized: SizedOp, piece: MatrixPiece | VectorPiece, kept: KeptRows, rows: int, *, together: bool
    ) -> Variant:
        if isinstance(piece, VectorPiece):
            return self._vector(sized, piece, kept, together=together)
        op = sized.op
        assert isinstance(op, (Gemm, Conv))
        tiling = piece.tiling(kept, rows, columns=together, following=self.following.get(op.name))
        array_reads = spots(kept, (piece.act, piece.weight))
        array_reads += [piece.weight] if rows else []
        loaded = self._loaded(Ring.WEIGHTS, (op.weight,), kept) + self._loaded(Ring.ACTIVATIONS, (op.act,), kept)
        vector_reads = [columns_of(op.name)] if together else []
        if isinstance(op, Gemm) and op.row_scales is not None:
            vector_reads += spots(kept, (op.row_scales.tensor,))
            loaded += self._loaded(Ring.VECTOR_OPERANDS, (op.row_scales,), kept)
        written: tuple[View, ...] = (op.out,)
        if sized.follower is not None:
            chain = sized.follower.op
            others = [view for view in law(chain).reads(chain) if view.tensor != op.out.tensor]
            vector_reads += spots(kept, (view.tensor for view in others))
            loaded += self._loaded(Ring.VECTOR_OPERANDS, others, kept)
            written = law(chain).writes(chain)
        return self._made(sized, tiling, piece.macs, piece.mode, array_reads, vector_reads, loaded, written, kept)

    def _vector(self, sized: SizedOp, piece: VectorPiece, kept: KeptRows, *, together: bool) -> Variant:
        op, rules = sized.op, law(sized.op)
        rows = piece.rows(kept, resident=together)
        reads = spots(kept, (view.tensor for view in rules.reads(op)))
        reads += [parameters_of(op.name)] if together else []
        loaded = self._loaded(Ring.VECTOR_OPERANDS, rules.reads(op), kept)
        return self._made(sized, rows, piece.macs, None, (), reads, loaded, rules.writes(op), kept)

    def _loaded(self, ring: Ring, views: Iterable[View], kept: KeptRows) -> list[Loaded]:
        """The tensors that ops made and that must come from DRAM."""
        names = [view.tensor for view in views if kept.get(view.tensor, 0) < ALL]
        names = [name for name in names if not self.program.tensor(name).role.given]
        return [Loaded(ring=ring, tensor=name) for name in names]

    def _made(
        self,
        sized: SizedOp,
        cuts: Tiling | Rows,
        macs: int,
        mode: Precision | None,
        array_reads: Iterable[str],
        vector_reads: Iterable[str],
        loaded: Iterable[Loaded],
        written: Iterable[View],
        kept: KeptRows,
    ) -> Variant:
        writes = [(view.tensor, view.whole) for view in dict.fromkeys(written)]
        here = [Written(tensor=spot, whole=whole) for name, whole in writes for spot in spots(kept, (name,))]
        outside = [Written(tensor=name, whole=whole) for name, whole in writes if kept.get(name, 0) < ALL]
        return Variant(
            sized,
            self.place_of[sized.op.name],
            cuts,
            macs,
            mode,
            tuple(dict.fromkeys(array_reads)),
            tuple(dict.fromkeys(vector_reads)),
            tuple(dict.fromkeys(loaded)),
            tuple(here),
            tuple(outside),
            {},
        )


@lru_cache(maxsize=32)
def variants_of(network: Network, target: Target) -> Variants:
    """The variants of a network's ops on a target."""
    return Variants(network, target)

"""Op schedules, made once for all plans that cut an op alike and have its tensors in the same places."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hwsim.core.laws import kind, law
from hwsim.core.ops import Conv, Gemm
from hwsim.core.precision import Precision
from hwsim.core.schedule import Block, Loaded, OpSchedule, Written
from hwsim.core.steps import Ring, StepTree
from hwsim.core.view import View
from hwsim.mapping.lower import SizedOp
from hwsim.mapping.matrix import fastest_cut, naive_cut
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

    def schedule(self, plan: Plan) -> OpSchedule:
        """The op as that plan cuts it."""
        steps, block = self._cut(plan.room[self.place], naive=plan.naive)
        overwrites: tuple[str, ...] = ()
        for one in self.kept:
            overwrites += plan.handovers[one.tensor]
        if len(self.kept) > 1:
            overwrites = tuple(dict.fromkeys(overwrites))
        key = id(steps), overwrites  # what is made keeps its steps, so that no others get their identity
        if key not in self.made:
            self.made[key] = self._made(steps, block, overwrites)
        return self.made[key]

    def _cut(self, room: int, *, naive: bool) -> tuple[tuple[StepTree, ...], Block | None]:
        if isinstance(self.cuts, Rows):
            rows = self.cuts
            if naive and rows.least_held <= room:
                return cut_rows(rows, naive_rows(rows, room)).steps, None
            return fastest_rows(rows, room).steps, None
        cut = naive_cut(self.cuts, room) if naive else None
        if cut is None or cut.bytes_held > room:
            cut = fastest_cut(self.cuts, room)
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
    found: dict[object, Variant] = field(default_factory=dict)


class Variants:
    """The variants of all ops of a network on a target."""

    def __init__(self, network: Network, target: Target) -> None:
        self.program, self.pieces = network.program, pieces_of(network, target)
        self.place_of = network.uses.place_of
        self.following = next_streams(network, target) if waits_for_next(target.array) else {}
        self._of: dict[int, tuple[_Variants, SizedOp]] = {}

    def of(self, sized: SizedOp, kept: Container[str], residents: Mapping[str, Resident]) -> Variant:
        """The variant whose kept and resident tensors are these."""
        if id(sized) not in self._of:
            self._of[id(sized)] = self._variants(sized), sized
        all_of_it = self._of[id(sized)][0]
        resident = None if all_of_it.weight is None else residents.get(all_of_it.weight)
        rows, together = 0 if resident is None else resident.rows, all_of_it.together in residents
        here = tuple([name in kept for name in all_of_it.tensors])
        found = all_of_it.found.get((rows, together, here))
        if found is None:
            names = frozenset(name for name, is_here in zip(all_of_it.tensors, here, strict=True) if is_here)
            found = self._variant(sized, all_of_it.piece, names, rows, together=together)
            all_of_it.found[rows, together, here] = found
        return found

    def _variants(self, sized: SizedOp) -> _Variants:
        piece, name = self.pieces.of(sized), sized.op.name
        if isinstance(piece, VectorPiece):
            return _Variants(piece, tuple(dict.fromkeys(piece.names)), None, parameters_of(name))
        scales = () if piece.row_scales is None else (piece.row_scales,)
        tensors = piece.act, piece.weight, piece.out, *scales, *piece.follower_reads, *piece.follower_writes
        return _Variants(piece, tuple(dict.fromkeys(tensors)), piece.weight, columns_of(name))

    def _variant(
        self, sized: SizedOp, piece: MatrixPiece | VectorPiece, kept: frozenset[str], rows: int, *, together: bool
    ) -> Variant:
        if isinstance(piece, VectorPiece):
            return self._vector(sized, piece, kept, together=together)
        op = sized.op
        assert isinstance(op, (Gemm, Conv))
        tiling = piece.tiling(kept, rows, columns=together, following=self.following.get(op.name))
        array_reads = [name for name in (piece.act, piece.weight) if name in kept]
        array_reads += [piece.weight] if rows else []
        loaded = self._loaded(Ring.WEIGHTS, (op.weight,), kept) + self._loaded(Ring.ACTIVATIONS, (op.act,), kept)
        vector_reads = [columns_of(op.name)] if together else []
        if isinstance(op, Gemm) and op.row_scales is not None:
            vector_reads += [op.row_scales.tensor] if op.row_scales.tensor in kept else []
            loaded += self._loaded(Ring.VECTOR_OPERANDS, (op.row_scales,), kept)
        written: tuple[View, ...] = (op.out,)
        if sized.follower is not None:
            chain = sized.follower.op
            others = [view for view in law(chain).reads(chain) if view.tensor != op.out.tensor]
            vector_reads += [view.tensor for view in others if view.tensor in kept]
            loaded += self._loaded(Ring.VECTOR_OPERANDS, others, kept)
            written = law(chain).writes(chain)
        return self._made(sized, tiling, piece.macs, piece.mode, array_reads, vector_reads, loaded, written, kept)

    def _vector(self, sized: SizedOp, piece: VectorPiece, kept: frozenset[str], *, together: bool) -> Variant:
        op, rules = sized.op, law(sized.op)
        rows = piece.rows(kept, resident=together)
        reads = [view.tensor for view in rules.reads(op) if view.tensor in kept]
        reads += [parameters_of(op.name)] if together else []
        loaded = self._loaded(Ring.VECTOR_OPERANDS, rules.reads(op), kept)
        return self._made(sized, rows, piece.macs, None, (), reads, loaded, rules.writes(op), kept)

    def _loaded(self, ring: Ring, views: Iterable[View], kept: frozenset[str]) -> list[Loaded]:
        """The tensors that ops made and that must come from DRAM."""
        names = [v.tensor for v in views if v.tensor not in kept and not self.program.tensor(v.tensor).role.given]
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
        kept: frozenset[str],
    ) -> Variant:
        writes = [Written(tensor=view.tensor, whole=not view.windows) for view in dict.fromkeys(written)]
        return Variant(
            sized,
            self.place_of[sized.op.name],
            cuts,
            macs,
            mode,
            tuple(dict.fromkeys(array_reads)),
            tuple(dict.fromkeys(vector_reads)),
            tuple(dict.fromkeys(loaded)),
            tuple(one for one in writes if one.tensor in kept),
            tuple(one for one in writes if one.tensor not in kept),
            {},
        )


@lru_cache(maxsize=32)
def variants_of(network: Network, target: Target) -> Variants:
    """The variants of a network's ops on a target."""
    return Variants(network, target)

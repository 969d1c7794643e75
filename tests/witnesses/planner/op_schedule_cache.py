"""Op schedules, made once for all plans that cut an op alike and have its tensors in the same places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hwsim.ir.op_table import kind, op_spec
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.view import View
from hwsim.mapping.analysed_program import AnalysedProgram, columns_of, parameters_of
from hwsim.mapping.liveness import ALL, ResidentRows
from hwsim.mapping.lower import SizedOp
from hwsim.quantities.precision import Precision
from hwsim.schedule.schedule import Block, Loaded, OpSchedule, Written
from hwsim.schedule.steps import Ring, StepTree
from witnesses.planner.analysed_program import mappers_of
from witnesses.planner.drain_hazard import next_streams
from witnesses.planner.liveness import spots
from witnesses.planner.op_mappers import MatmulMapper, VectorMapper, fastest_tiling, min_traffic_tiling, naive_tiling
from witnesses.planner.plan import Plan, Resident
from witnesses.planner.systolic_matmul import drain_hazard
from witnesses.planner.target import Target
from witnesses.planner.tiling import Tiling
from witnesses.planner.vector import Rows, fastest_rows, naive_rows, tiled_rows


@dataclass(frozen=True, slots=True, eq=False)
class OpVariant:
    """An op with its tensors in given places: its schedule but for the cut and for the buffers that it overwrites."""

    sized: SizedOp
    place: int
    cuts: Tiling | Rows
    operands: tuple[str, ...]
    macs: int
    mode: Precision | None
    array_reads: tuple[str, ...]
    vector_reads: tuple[str, ...]
    loaded: tuple[Loaded, ...]
    kept: tuple[Written, ...]
    stored: tuple[Written, ...]
    schedules: dict[object, OpSchedule] = field(repr=False)

    def schedule(self, plan: Plan, overwrites: tuple[str, ...]) -> OpSchedule:
        """The op as that plan cuts it, in the space of the dead buffers `overwrites`."""
        steps, block, single = self._cut(plan, plan.room[self.place])
        key = id(steps), overwrites  # each schedule keeps its steps, so that no other steps get their identity
        if key not in self.schedules:
            self.schedules[key] = self._op_schedule(steps, block, single, overwrites)
        return self.schedules[key]

    def overwrites(self, plan: Plan) -> tuple[str, ...]:
        """The dead buffers whose space the op takes in that plan."""
        return tuple(dict.fromkeys(dead for written in self.kept for dead in plan.overwrites[written.tensor]))

    def _cut(self, plan: Plan, room: int) -> tuple[tuple[StepTree, ...], Block | None, tuple[Ring, ...]]:
        strategy = plan.strategy(self.place)
        if isinstance(self.cuts, Rows):
            rows = self.cuts
            if plan.naive and rows.least_held <= room:
                return tiled_rows(rows, naive_rows(rows, room)).steps, None, ()
            return fastest_rows(rows, room, strategy.latency).steps, None, ()
        cut = naive_tiling(self.cuts, room) if plan.naive else None
        if cut is None or cut.bytes_held > room:
            cut = (
                min_traffic_tiling(self.cuts, room, any_block=strategy.any_block)
                if strategy.min_traffic
                else fastest_tiling(
                    self.cuts, room, strategy.latency, any_block=strategy.any_block, near=strategy.near_fastest
                )
            )
        return cut.steps, cut.block, cut.single

    def _op_schedule(
        self, steps: tuple[StepTree, ...], block: Block | None, single: tuple[Ring, ...], overwrites: tuple[str, ...]
    ) -> OpSchedule:
        op, epilogue = self.sized.op, self.sized.epilogue
        return OpSchedule(
            name=op.name,
            kind=kind(op),
            array_reads=self.array_reads,
            vector_reads=self.vector_reads,
            loaded=self.loaded,
            kept=self.kept,
            stored=self.stored,
            overwrites=overwrites,
            operands=self.operands,
            single=single,
            fused=None if epilogue is None else (epilogue.op.name, kind(epilogue.op)),
            steps=steps,
            macs=self.macs,
            mode=self.mode,
            block=block,
        )


ResidencyKey = tuple[int, bool, tuple[int, ...]]
"""Rows of tiles of the weight that are resident, whether columns or parameters are, how much of each tensor is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class _OpVariants:
    """All variants of a sized op: its tensors, and the names of its weight and parameters where they are resident."""

    mapper: MatmulMapper | VectorMapper
    tensors: tuple[str, ...]
    weight: str | None
    together: str  # its columns or parameters
    by_residency: dict[ResidencyKey, OpVariant] = field(default_factory=dict)


class OpScheduleCache:
    """The variants of all ops of an analysed program on a target."""

    def __init__(self, analysed: AnalysedProgram, target: Target) -> None:
        self.program, self.mappers = analysed.program, mappers_of(analysed, target)
        self.place_of = analysed.uses.place_of
        self.following = next_streams(analysed, target) if drain_hazard(target.array) else {}
        self._of: dict[int, tuple[_OpVariants, SizedOp]] = {}

    def where(self, sized: SizedOp, kept: ResidentRows, residents: Mapping[str, Resident]) -> ResidencyKey:
        """How much of the op's tensors lies in the scratchpad: the same for all of its sizes."""
        variants = self._variants_of(sized)
        resident = None if variants.weight is None else residents.get(variants.weight)
        rows, together = 0 if resident is None else resident.rows, variants.together in residents
        return rows, together, tuple([kept.get(name, 0) for name in variants.tensors])

    def of(self, sized: SizedOp, where: ResidencyKey) -> OpVariant:
        """The variant of the op with its tensors in those places."""
        variants = self._variants_of(sized)
        variant = variants.by_residency.get(where)
        if variant is None:
            rows, together, here = where
            kept = {name: first for name, first in zip(variants.tensors, here, strict=True) if first}
            variant = variants.by_residency[where] = self._variant(
                sized, variants.mapper, kept, rows, together=together
            )
        return variant

    def _variants_of(self, sized: SizedOp) -> _OpVariants:
        entry = self._of.get(id(sized))
        if entry is None:
            entry = self._of[id(sized)] = self._variants(sized), sized
        return entry[0]

    def _variants(self, sized: SizedOp) -> _OpVariants:
        mapper, name = self.mappers.of(sized), sized.op.name
        if isinstance(mapper, VectorMapper):
            return _OpVariants(mapper, tuple(dict.fromkeys(mapper.names)), None, parameters_of(name))
        scales = () if mapper.row_scales is None else (mapper.row_scales,)
        tensors = mapper.act, mapper.weight, mapper.out, *scales, *mapper.epilogue_reads, *mapper.epilogue_writes
        return _OpVariants(mapper, tuple(dict.fromkeys(tensors)), mapper.weight, columns_of(name))

    def _variant(
        self, sized: SizedOp, mapper: MatmulMapper | VectorMapper, kept: ResidentRows, rows: int, *, together: bool
    ) -> OpVariant:
        if isinstance(mapper, VectorMapper):
            return self._vector(sized, mapper, kept, together=together)
        op = sized.op
        assert isinstance(op, (Gemm, Conv))
        tiling = mapper.tiling(kept, rows, columns=together, following=self.following.get(op.name))
        array_reads = spots(kept, (mapper.act, mapper.weight))
        array_reads += [mapper.weight] if rows else []
        loaded = self._loaded(Ring.WEIGHTS, (op.weight,), kept) + self._loaded(Ring.ACTIVATIONS, (op.act,), kept)
        vector_reads = [columns_of(op.name)] if together else []
        if isinstance(op, Gemm) and op.row_scales is not None:
            vector_reads += spots(kept, (op.row_scales.tensor,))
            loaded += self._loaded(Ring.VECTOR_OPERANDS, (op.row_scales,), kept)
        written: tuple[View, ...] = (op.out,)
        if sized.epilogue is not None:
            chain = sized.epilogue.op
            others = [view for view in op_spec(chain).reads(chain) if view.tensor != op.out.tensor]
            vector_reads += spots(kept, (view.tensor for view in others))
            loaded += self._loaded(Ring.VECTOR_OPERANDS, others, kept)
            written = op_spec(chain).writes(chain)
        return self._op_variant(sized, tiling, mapper, mapper.mode, array_reads, vector_reads, loaded, written, kept)

    def _vector(self, sized: SizedOp, mapper: VectorMapper, kept: ResidentRows, *, together: bool) -> OpVariant:
        op, rules = sized.op, op_spec(sized.op)
        rows = mapper.rows(kept, resident=together)
        reads = spots(kept, (view.tensor for view in rules.reads(op)))
        reads += [parameters_of(op.name)] if together else []
        loaded = self._loaded(Ring.VECTOR_OPERANDS, rules.reads(op), kept)
        return self._op_variant(sized, rows, mapper, None, (), reads, loaded, rules.writes(op), kept)

    def _loaded(self, ring: Ring, views: Iterable[View], kept: ResidentRows) -> list[Loaded]:
        """The tensors that ops write and that must come from DRAM."""
        names = [view.tensor for view in views if kept.get(view.tensor, 0) < ALL]
        names = [name for name in names if not self.program.tensor(name).role.given]
        return [Loaded(ring=ring, tensor=name) for name in names]

    def _op_variant(
        self,
        sized: SizedOp,
        cuts: Tiling | Rows,
        mapper: MatmulMapper | VectorMapper,
        mode: Precision | None,
        array_reads: Iterable[str],
        vector_reads: Iterable[str],
        loaded: Iterable[Loaded],
        written: Iterable[View],
        kept: ResidentRows,
    ) -> OpVariant:
        writes = [(view.tensor, view.whole) for view in dict.fromkeys(written)]
        here = [Written(tensor=spot, whole=whole) for name, whole in writes for spot in spots(kept, (name,))]
        outside = [Written(tensor=name, whole=whole) for name, whole in writes if kept.get(name, 0) < ALL]
        return OpVariant(
            sized,
            self.place_of[sized.op.name],
            cuts,
            mapper.names,
            mapper.macs,
            mode,
            tuple(dict.fromkeys(array_reads)),
            tuple(dict.fromkeys(vector_reads)),
            tuple(dict.fromkeys(loaded)),
            tuple(here),
            tuple(outside),
            {},
        )


@lru_cache(maxsize=32)
def schedule_cache_of(analysed: AnalysedProgram, target: Target) -> OpScheduleCache:
    """The variants of an analysed program's ops on a target."""
    return OpScheduleCache(analysed, target)

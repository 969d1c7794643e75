"""Why an op of a planned program is cut as it is."""

from collections.abc import Iterable

from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.lower import SizedOp
from hwsim.results.explanation import Candidate
from hwsim.schedule.schedule import Block, OpSchedule
from hwsim.schedule.steps import Repeat, Ring, StepTree
from witnesses.planner.analysed_program import mappers_of
from witnesses.planner.op_mappers import MatmulMapper, OpMapper, tried
from witnesses.planner.schedule import Planned
from witnesses.planner.vector import tried_rows


def mapper_of(planned: Planned, producer: SizedOp) -> OpMapper:
    """The mapper of the op."""
    return mappers_of(planned.plan.analysed, planned.plan.target).of(producer)


def room_of(planned: Planned, producer: SizedOp) -> int:
    """Bytes of the scratchpad for the slots of the op."""
    return planned.plan.room[planned.plan.analysed.uses.place_of[producer.op.name]]


def scheduled(planned: Planned, producer: SizedOp) -> OpSchedule:
    """The op's schedule in its largest size."""
    op_schedules = [op for op in planned.schedule.ops if op.name == producer.op.name]
    return max(op_schedules, key=_amount)


def _amount(op: OpSchedule) -> tuple[int, int, int]:
    """Figures that grow with the size of an op, wherever its tensors lie."""
    work = op.work()
    return op.macs, work.vector_lane_cycles, work.scratchpad_read_bytes


def candidates_of(planned: Planned, producer: SizedOp) -> tuple[Candidate, ...]:
    """All cuts that the mapper tries: cuts that fit come first, and faster cuts before slower ones."""
    mapper, room, residents = mapper_of(planned, producer), room_of(planned, producer), planned.plan.residents
    kept, op_schedule = planned.plan.resident_rows, scheduled(planned, producer)
    cuts: list[tuple[str, int, int, tuple[StepTree, ...], bool]]
    if isinstance(mapper, MatmulMapper):
        resident = residents.get(mapper.weight)
        rows = 0 if resident is None else resident.rows
        tiling = mapper.tiling(kept, rows, columns=columns_of(producer.op.name) in residents)
        cuts = [
            (
                _block_name(cut.block) + ", loops exchanged" * cut.swapped + _one_slot(cut.single),
                cut.bytes_held,
                cycles,
                cut.steps,
                cut.steps == op_schedule.steps and op_schedule.single == cut.single,
            )
            for cut, cycles in tried(tiling, room)
        ]
    else:
        by_rows = mapper.rows(kept, resident=parameters_of(producer.op.name) in residents)
        cuts = [
            (f"{cut.rows} of {by_rows.count} rows", held, cycles, cut.steps, cut.steps == op_schedule.steps)
            for cut, cycles, held in tried_rows(by_rows, room)
        ]
    candidates = [
        Candidate(
            block=block,
            steps=_count(steps),
            bytes_held=held,
            cycles_alone=cycles,
            fits=held <= room,
            chosen=chosen,
        )
        for block, held, cycles, steps, chosen in cuts
    ]
    return tuple(
        sorted(candidates, key=lambda candidate: (not candidate.fits, candidate.cycles_alone, not candidate.chosen))
    )


def _one_slot(single: tuple[Ring, ...]) -> str:
    return "".join(f", one slot of {ring.name.lower()}" for ring in single)


def _block_name(block: Block) -> str:
    return f"{block.m} × {block.k} × {block.n}"


def _count(steps: Iterable[StepTree]) -> int:
    return sum(node.times * _count(node.body) if isinstance(node, Repeat) else 1 for node in steps)

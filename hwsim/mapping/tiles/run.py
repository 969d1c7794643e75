"""A whole program on analog tiles: places its weights, works out its tasks, runs them, and says what each op did."""

from collections.abc import Mapping

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.work import matrix_work
from hwsim.ir.op_table import kind
from hwsim.ir.program import Program
from hwsim.mapping.tiles.graph import ProgramGraph, program_graph
from hwsim.mapping.tiles.homes import Homes, Parameters, homes_of, parameters_of
from hwsim.mapping.tiles.placement import place
from hwsim.mapping.tiles.task_list import Role
from hwsim.mapping.tiles.work import MatrixWork, digital_work, tile_work
from hwsim.schedule.counters import Work
from hwsim.schedule.tile_work import TileWork
from hwsim.schedule.tiles import Placement
from hwsim.schedule.tiles_run import OpOnTiles, Place, RowTimes, TilesRun, UnitTime
from hwsim.timing.critical_path import CriticalPath, critical_path
from hwsim.timing.dataflow import Longs, Times, busy_cycles, times

_PLACES = {Role.TILES: Place.TILES, Role.VECTOR: Place.VECTOR, Role.LOAD: Place.LOAD, Role.STORE: Place.STORE}


@dataclass(frozen=True, slots=True)
class Timed:
    """A program's weights on tiles, its tasks, and when they run."""

    placement: Placement
    homes: Homes
    parameters: Parameters
    graph: ProgramGraph
    when: Times


def timed_on_tiles(program: Program, chip: AnalogChip) -> Timed:
    """Place the weights of a program on a chip of tiles, and run its tasks."""
    placement = place(program, chip)
    homes = homes_of(program, placement)
    parameters = parameters_of(program, chip, placement, homes)
    graph = program_graph(program, chip, placement, homes, parameters)
    return Timed(placement, homes, parameters, graph, times(graph.built.graph))


def planned_on_tiles(program: Program, chip: AnalogChip, matrix_work: MatrixWork = matrix_work) -> TilesRun:
    """Run a program on a chip of tiles; `matrix_work` says what tiles do for one vector of a matrix."""
    timed = timed_on_tiles(program, chip)
    placement, graph, when = timed.placement, timed.graph, timed.when
    path = critical_path(graph.built.graph, when)
    return TilesRun(
        placement=placement,
        cycles=when.cycles,
        macs=program.macs,
        ops=_ops(program, chip, placement, timed.homes, graph, when, path, matrix_work),
        units=_units(chip, placement, graph, when),
        kept_bytes=timed.parameters.kept_bytes,
        streamed=tuple(sorted({name for _, name in timed.parameters.streamed})),
        tasks=graph.built.graph.tasks,
        edges=graph.built.graph.edges,
    )


def unit_names(chip: AnalogChip, placement: Placement) -> list[str]:
    """The units by their numbers: vector units, groups of tiles, loads and stores."""
    names = [f"vector.{number}" for number in range(chip.chips)]
    names += [f"tiles.{number}" for number in range(placement.units)]
    return names + (["memory"] if chip.dram.shared_port else ["load", "store"])


def _units(chip: AnalogChip, placement: Placement, graph: ProgramGraph, when: Times) -> tuple[UnitTime, ...]:
    names = unit_names(chip, placement)
    busy, servers = busy_cycles(graph.built.graph).tolist(), graph.servers.tolist()
    return tuple(
        UnitTime(name=name, servers=count, busy=kept, idle=when.cycles * count - kept)
        for name, count, kept in zip(names, servers, busy, strict=True)
    )


def _ops(
    program: Program,
    chip: AnalogChip,
    placement: Placement,
    homes: Homes,
    graph: ProgramGraph,
    when: Times,
    path: CriticalPath,
    matrix_work: MatrixWork,
) -> tuple[OpOnTiles, ...]:
    built, count = graph.built, len(graph.ops)
    tasks = built.graph
    key = built.op * len(Role) + built.role
    sums = {
        "tasks": np.bincount(key, minlength=count * len(Role)),
        "busy": _summed(key, tasks.occupancy, count),
        "for_operands": _summed(key, when.ready - when.first, count),
        "for_unit": _summed(key, when.start - when.ready, count),
        "cycles": _summed(key, path.cycles, count),
        "link_cycles": _summed(key, path.on_links, count),
    }
    first, last = np.full(count, when.cycles), np.zeros(count, np.int64)
    np.minimum.at(first, built.op, when.start)
    np.maximum.at(last, built.op, when.start + np.maximum(tasks.occupancy, tasks.complete))
    work, on_tiles, runs, rows = _works(program, chip, placement, homes, graph, matrix_work)
    ops = []
    for number, placed in enumerate(program.placed()):
        name = placed.op.name
        if name not in runs:
            continue
        places = tuple(
            RowTimes(
                place=_PLACES[role], **{what: int(column[number * len(Role) + role]) for what, column in sums.items()}
            )
            for role in _PLACES
            if sums["tasks"][number * len(Role) + role]
        )
        ops.append(
            OpOnTiles(
                name=name,
                kind=kind(placed.op),
                place=Place.TILES if on_tiles[name].vectors else Place.VECTOR,
                chip=homes.ops[name],
                times=runs[name],
                rows=rows[name],
                places=places,
                first_start=int(first[number]),
                last_end=int(last[number]),
                work=work[name],
                tile_work=on_tiles[name],
            )
        )
    return tuple(ops)


def _summed(key: Longs, values: Longs, ops: int) -> Longs:
    total = np.zeros(ops * len(Role), np.int64)
    np.add.at(total, key, values)
    return total


_ByOp = tuple[Mapping[str, Work], Mapping[str, TileWork], Mapping[str, int], Mapping[str, int]]


def _works(
    program: Program,
    chip: AnalogChip,
    placement: Placement,
    homes: Homes,
    graph: ProgramGraph,
    matrix_work: MatrixWork,
) -> _ByOp:
    """Work, work of tiles, runs and rows of each op that runs."""
    stands = {name for matrix in placement.matrices for name in matrix.ops}
    work: dict[str, Work] = {}
    on_tiles: dict[str, TileWork] = {}
    runs: dict[str, int] = {}
    rows: dict[str, int] = {}
    for plan, times_run in graph.runs:
        name = plan.op.name
        digital = digital_work(plan, program, on_tiles=name in stands)
        analog = tile_work(plan, program, chip, placement, homes, matrix_work)
        work[name] = work.get(name, Work()) + digital * times_run
        on_tiles[name] = on_tiles.get(name, TileWork()) + analog * times_run
        runs[name] = runs.get(name, 0) + times_run
        rows[name] = rows.get(name, 0) + plan.rows.count * times_run
    for name, size in graph.loaded.items():
        work[name] += Work(dram_read_bytes=size, scratchpad_write_bytes=size)
    return work, on_tiles, runs, rows

"""What pictures of a run on analog tiles show beside its result: its tiles' peaks, and its units over time."""

from fractions import Fraction

import numpy as np

from hwsim.hardware.analog.chip import AnalogChip
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.run import Timed, timed_on_tiles, unit_names
from hwsim.results.pictured import Bandwidth, Occupied, Peak, Pictured
from hwsim.schedule.tiles import Placement
from hwsim.study.pictured import GIGA, PARTS, TERA
from hwsim.timing.dataflow import JOIN
from hwsim.timing.occupancy import busy_between, edges_of
from hwsim.timing.tile import vector_time


def pictured_on_tiles(chip: AnalogChip, workload: Workload) -> Pictured:
    """The pictures of a run on tiles; units of a kind are one, with as many servers as they have together."""
    timed = timed_on_tiles(workload.program, chip)
    cycles = timed.when.cycles
    return Pictured(
        clock=chip.clock,
        cycles=cycles,
        followed=cycles,
        scratchpad_bytes=chip.scratchpad.size,
        peaks=(_peak(chip, timed.placement),),
        bandwidths=(Bandwidth(memory="DRAM", gb_per_second=chip.dram.needed / GIGA),),
        occupied=_occupied(chip, timed),
        buffers=(),
    )


def _peak(chip: AnalogChip, placement: Placement) -> Peak:
    """All tiles with all their rows and columns; and the weights that stand on tiles: of matrices that share tiles, and
    take their vectors in turn, those that make most of them."""
    whole = chip.array.rows * chip.array.cols * chip.tiles * chip.chips
    of_unit = dict[int, float]()
    for matrix in placement.matrices:
        tops = _tops(matrix.weights * matrix.copies, chip, dense=matrix.dense)
        of_unit[matrix.unit] = max(tops, of_unit.get(matrix.unit, 0.0))
    tops = _tops(whole, chip, dense=False)
    return Peak(mode="analog tiles", tops=tops, reachable_tops=sum(of_unit.values()))


def _tops(weights: int, chip: AnalogChip, *, dense: bool) -> float:
    interval = vector_time(chip.tile_of(dense=dense)).interval
    return float(Fraction(2 * weights * 10**12, interval * TERA))


def _occupied(chip: AnalogChip, timed: Timed) -> tuple[Occupied, ...]:
    graph, when = timed.graph.built.graph, timed.when
    kinds = [name.partition(".")[0] for name in unit_names(chip, timed.placement)]
    edges = edges_of(when.cycles, PARTS)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    found: list[Occupied] = []
    for kind in dict.fromkeys(kinds):
        numbers = [number for number, its in enumerate(kinds) if its == kind]
        servers = int(timed.graph.servers[numbers].sum())
        mine = np.isin(graph.unit, numbers) & (graph.unit != JOIN)
        if not mine.any():
            continue
        starts = when.start[mine]
        busy = busy_between(starts, starts + graph.occupancy[mine], edges).tolist()
        found += [
            Occupied(unit=kind, begin=begin, end=end, busy=its, servers=servers)
            for (begin, end), its in zip(spans, busy, strict=True)
        ]
    return tuple(found)

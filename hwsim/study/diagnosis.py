"""The diagnosis of a run's time: the part that takes most, the limit there, the gain of easing it, and what binds next.

The gain is exact for the plan of the run, but a plan made for the eased chip could be better still.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload, part_of
from hwsim.kernels import assembly as a
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.eased import Easing
from hwsim.mapping.liveness import ALL
from hwsim.mapping.run_columns import RunColumns, RunTimes, run_times
from hwsim.results.figures import NO_GAIN, Awaited, Diagnosis, WhatIf
from hwsim.schedule.unit_table import Limit, Relief, Unit
from hwsim.timing.timeline import Unsettled

_UNITS = sorted(tuple(Unit)[: c.UNITS], key=lambda unit: unit.spec.precedence)
_LIMITS = [limit for unit in _UNITS for limit in (Limit.of(unit), Limit.of(unit, ports=True))] + [Limit.LATENCY]

MOST_WALKED = 1 << 20
"""How many iterations of loops the walks of eased chips may take together, about a second."""


def limits_of(run: RunColumns | RunTimes) -> list[Limit]:
    """What limits each op, as `OpCounters.limit` says it."""
    return [_LIMITS[number] for number in _limits_of(run).tolist()]


def _limits_of(run: RunColumns | RunTimes) -> NDArray[np.int64]:
    """The same as numbers of limits."""
    busy = run.totals[:, [c.BUSY + unit for unit in _UNITS]]
    unit = busy.argmax(axis=1)
    rows = np.arange(len(busy))
    most, bound = busy[rows, unit], run.port_bound[:, _UNITS][rows, unit]
    binds = most > run.totals[:, c.SPAN] // 2
    return np.where(binds, 2 * unit + (bound > most // 2), 2 * len(_UNITS)).astype(np.int64)


def diagnose(chip: Chip, workload: Workload, candidate: CandidatePlan, run: RunColumns) -> Diagnosis:
    """The diagnosis of a plan's run; of equal parts, or limits, it names the first. The plan is eased, which takes as
    long as all else, when somebody asks for that."""
    ops = list(zip(run.names, map(part_of, run.names), limits_of(run), run.op_cycles.tolist(), strict=True))
    parts: Counter[str] = Counter()
    for _, part_name, _, cycles in ops:
        parts[part_name] += cycles
    part = max(parts, key=lambda name: parts[name])
    limits: Counter[Limit] = Counter()
    for _, part_name, op_limit, cycles in ops:
        if part_name == part:
            limits[op_limit] += cycles
    limit = max(limits, key=lambda candidate: limits[candidate])
    bound = {name for name, part_name, op_limit, _ in ops if part_name == part and op_limit is limit}
    binds, binds_cycles = binding(run)

    def eased() -> Mapping[str, object]:
        what_ifs, beside = _WhatIfs(chip, workload, Easing(candidate), MOST_WALKED).told(limit.relief, run.cycles)
        return {"what_ifs": what_ifs, "beside": beside}

    told = {
        "part": part,
        "part_cycles": parts[part],
        "limit": limit,
        "limit_cycles": limits[limit],
        "awaited": _awaited(candidate, bound) if limit.unit is Unit.LOAD else None,
        "binds": binds,
        "binds_cycles": binds_cycles,
    }
    return Diagnosis.later(told, eased)


def binding(run: RunColumns | RunTimes) -> tuple[Limit, int]:
    """The limit of ops with which most of a run's cycles go, and how many; of equal ones the first that is met."""
    limits = _limits_of(run)
    cycles = np.zeros(len(_LIMITS), np.int64)
    np.add.at(cycles, limits, run.op_cycles)
    first = int(limits[np.argmax(cycles[limits])])
    return _LIMITS[first], int(cycles[first])


@dataclass(slots=True)
class _WhatIfs:
    """The runs of a plan with one thing eased, or two."""

    chip: Chip
    workload: Workload
    easing: Easing
    left: int
    """How many iterations of loops their walks may still take."""

    def told(self, limit: Relief, cycles: int) -> tuple[tuple[WhatIf, ...], WhatIf | None]:
        """Each relief alone, and what gains most beside that of the limit, where neither that nor the bandwidth gains;
        nothing, if the walks take too long."""
        try:
            alone = {relief: self._of(relief) for relief in Relief.on(self.chip.cores)}
            # The cycles of the ops are those of the chip: a host that takes most of the latency hides no port.
            if any(_gains(alone[relief], cycles) for relief in (Relief.BANDWIDTH, limit)):
                return tuple(alone.values()), None
            best = min((self._of(limit, other) for other in alone if other is not limit), key=lambda one: one.cycles)
        except Unsettled:
            return (), None
        return tuple(alone.values()), best if _gains(best, cycles) else None

    def _of(self, *reliefs: Relief) -> WhatIf:
        """The run with these reliefs, under the name of the last one."""
        run = run_times(self.easing.plan(*reliefs), most=self.left)
        self.left -= run.unrolled_iterations
        limit, limit_cycles = binding(run)
        seconds = self.chip.latency(run.cycles, self.workload.host_seconds, self.easing.candidate.dispatched)
        return WhatIf(
            relief=reliefs[-1],
            cycles=run.cycles,
            latency_ms=float(seconds * 1000),
            limit=limit,
            limit_cycles=limit_cycles,
        )


def _gains(what_if: WhatIf, cycles: int) -> bool:
    return cycles - what_if.cycles >= NO_GAIN * cycles


def _awaited(candidate: CandidatePlan, ops: Collection[str]) -> Awaited:
    """Where most of the bytes that these ops load come from: given to the program, or computed by its ops."""
    given, computed = loaded_bytes(candidate, ops)
    return Awaited.WEIGHTS if given >= computed else Awaited.ACTIVATIONS


def loaded_bytes(candidate: CandidatePlan, ops: Collection[str]) -> tuple[int, int]:
    """The bytes that these ops are given, preloads among them, and those computed by other ops."""
    table, cuts = candidate.table, candidate.op_cuts
    computed_rings = _computed_rings(candidate)
    given = computed = 0
    by_cut: dict[int, list[int]] = {}
    for number, (sized, cut) in enumerate(zip(table.ops, candidate.cuts.tolist(), strict=True)):
        if sized.op.name not in ops:
            continue
        if cut not in by_cut:
            by_cut[cut] = _rings(cuts.code(cut))
        runs = int(table.op_runs.of_size[number])
        for size, is_computed in zip(by_cut[cut], computed_rings[table.op_rows[number, 2]], strict=True):
            computed += size * runs * is_computed
            given += size * runs * (not is_computed)
    for buffer, _, _ in candidate.preloaded:
        if buffer.op in ops:
            given += buffer.loaded * table.analysed.entries[buffer.loop]
    return given, computed


def _rings(code: NDArray[np.int64]) -> list[int]:
    """The bytes that a run of a cut loads into each ring."""
    steps = code[code[:, c.KIND] == c.STEP]
    times = steps[:, t.D_TIMES].tolist()
    rings = steps[:, t.D_OF_RING : t.D_OF_RING + c.OPERAND_RINGS].T.tolist()
    return [sum(size * runs for size, runs in zip(ring, times, strict=True)) for ring in rings]


def _computed_rings(candidate: CandidatePlan) -> list[list[bool]]:
    """Of each list of uses, whether the loads of a ring read what ops wrote and the DRAM holds."""
    table = candidate.table
    how, spot = table.uses[:, a.U_HOW], table.uses[:, a.U_SPOT]
    loads = (how >= a.LOADED_0) & (how < a.WRITES) & (candidate.placed.kept[spot] < ALL)
    owners = np.repeat(np.arange(len(table.use_at) - 1), np.diff(table.use_at))
    computed = np.zeros((len(table.use_at) - 1, c.OPERAND_RINGS), bool)
    computed[owners[loads], how[loads] - a.LOADED_0] = True
    rings: list[list[bool]] = computed.tolist()
    return rings

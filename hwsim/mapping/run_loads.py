"""What ops of a plan load in all their runs: bytes that the program is given, and bytes that its ops computed."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels import assembly as a
from hwsim.kernels import tiling_code as t
from hwsim.kernels import timeline_code as c
from hwsim.mapping.candidate_plan import CandidatePlan
from hwsim.mapping.liveness import ALL


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
            given += buffer.bytes * table.analysed.entries[buffer.loop]
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

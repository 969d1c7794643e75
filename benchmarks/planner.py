"""The planner beside its witness in plain Python: the first plan of a chip that was not seen before, as a ratio."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from hwsim.hardware.chip import Chip
from hwsim.inputs.load import load_chip, load_workload
from hwsim.ir.workload import Workload
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.planner import Planner
from hwsim.mapping.program_table import program_table
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import encode, times
from witnesses.planner.schedule import planned

WORKLOADS = ("rnnt", "conformer_m", "tdnnf_7q", "transformer_lm")
LATER = 5
"""Chips of other sizes for which the same program is planned, to take a median over."""


def report() -> None:
    """Prints what the first plan of an unseen chip takes, and what a whole result takes, in walks of its timeline."""
    print("\nThe first plan of a chip, by the planner and by its witness in plain Python; a result, in walks, CPU ms")
    print("  workload          planner  tables made  witness   ratio   result  a walk")
    for name in WORKLOADS:
        print(f"  {name:15s} {row(load_chip('int4_array'), load_workload(name))}")


def row(chip: Chip, workload: Workload) -> str:
    """The figures of one workload."""
    program, table = workload.program, program_table(analyse(workload.program))
    encoded = encode(Planner(chip).plan(table).schedule)  # kernels are loaded, or compiled, before the clock runs
    chips = [unseen(chip, number) for number in range(LATER)]
    planner = median(seconds(partial(Planner(one).plan, program)) for one in chips)
    tables = median(seconds(partial(Planner(one).plan, table)) for one in chips)
    witness = seconds(partial(planned, program, unseen(chip, LATER)))
    walk = median(seconds(partial(times, encoded)) for _ in chips)
    result = median(seconds(partial(simulate, chip, workload)) for _ in chips)
    return (
        f"{1e3 * planner:9.1f} {1e3 * tables:12.1f} {1e3 * witness:8.0f} {witness / tables:7.1f} "
        f"{result / walk:8.0f} {1e3 * walk:7.2f}"
    )


def unseen(chip: Chip, number: int) -> Chip:
    """The chip with an array and a scratchpad of sizes that nobody has planned for."""
    size = chip.scratchpad.size // 1024 - 4 * (number + 1)
    return chip.with_(**{"array.rows": 63 - number, "scratchpad.size": f"{size} KiB"})


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def median(values: Iterable[float]) -> float:
    """The middle one."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]

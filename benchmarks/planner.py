"""The planner beside its witness in plain Python: the first plan of a chip that was not seen before, as a ratio."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.mapping.analysed_program import analyse
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.program_table import program_table
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of
from hwsim.study.priced_run import priced_run
from hwsim.study.simulate import simulate
from hwsim.timing.timeline import encode, times
from witnesses.planner.schedule import planned

WORKLOADS = ("rnnt", "conformer_m", "tdnnf_7q", "transformer_lm")
LATER = 5
"""Chips of other sizes for which the same program is planned, to take a median over."""


def report() -> None:
    """Prints what the first plan of an unseen chip takes, and, in walks of its timeline, what comes of a plan."""
    print(
        "\nThe first plan of a chip, by the planner and by its witness in plain Python; CPU ms, and walks of the plan:"
    )
    print("counters and energies of all ops, a result, entries of ops read or not, and a result with the first plan")
    print("  workload          planner  tables made  witness   ratio  a walk  counters  result  and ops  first")
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
    walk = median(seconds(partial(times, encoded)) for _ in range(4 * LATER))
    walks = counting(chip, program), *results(chip, workload), median(first_result(one, workload) for one in chips)
    counters, result, with_ops, first = (taken / walk for taken in walks)
    return (
        f"{1e3 * planner:9.1f} {1e3 * tables:12.1f} {1e3 * witness:8.0f} {witness / tables:7.1f} {1e3 * walk:7.2f}"
        f"{counters:10.1f} {result:7.0f} {with_ops:8.0f} {first:6.0f}"
    )


def counting(chip: Chip, program: Program) -> float:
    """CPU seconds for the counters and energies of all ops of a plan; its timeline is walked once more."""
    table = prices_of(chip)
    tariff = Tariff.of(PriceBook(chip, table))
    planned = Planner(chip, aim_of(Objective.LATENCY, chip, table)).plan(program)
    return median(seconds(partial(priced_run, chip, tariff, Planned(planned.candidate))) for _ in range(4 * LATER))


def results(chip: Chip, workload: Workload) -> tuple[float, float]:
    """CPU seconds of a result whose plan is remembered, and of one of which all ops are read."""
    simulate(chip, workload)
    alone = median(seconds(partial(simulate, chip, workload)) for _ in range(4 * LATER))
    read = median(seconds(lambda: list(simulate(chip, workload).ops)) for _ in range(LATER))
    return alone, read


def first_result(chip: Chip, workload: Workload) -> float:
    """CPU seconds of the first result of a chip."""
    return seconds(partial(simulate, chip, workload))


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

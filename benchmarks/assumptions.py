"""What the assumptions of the shipped chip weigh: five of them changed one at a time, on all shipped workloads, as
docs/accuracy.md shows it.

Run it with `python -m benchmarks.assumptions`; nothing in it is timed. Each figure is that of a run planned anew.
"""

from collections.abc import Mapping
from typing import Any

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_workload
from hwsim.inputs.varied import number_paths
from hwsim.ir.workload import Workload
from hwsim.results.headline_figures import Headline
from hwsim.study.what_if import what_if

HOST = "200 us"
"""What the host does in each step of a search."""

EFFICIENCY = "x0.85"
"""The share of a DRAM's peak that long bursts reach."""


def changes(chip: Chip, work: Workload) -> Mapping[str, Mapping[str, Any] | None]:
    """The changes by their heads; None where a workload has nothing to change."""
    host = [path for path in number_paths(work.recipe) if path.split(".")[-1] == "host"]
    return {
        "half the bandwidth": {"dram.read": "x0.5", "dram.write": "x0.5"},
        "85 % of the bandwidth": {"dram.read": EFFICIENCY, "dram.write": EFFICIENCY},
        "twice the vector cycles": {f"vector.cycles.{name.value}": "x2" for name, _ in chip.vector.cycles},
        "half the read port": {"scratchpad.read": "x0.5"},
        f"{HOST.replace('us', 'µs')} of the host a step": {host[0]: HOST} if host else None,
    }


def row(chip: Chip, name: str) -> str:
    """Of one workload, how many times the latency and the energy are with each change, and what binds then."""
    work = load_workload(name, precision="w4a4")
    cells = []
    for changed in changes(chip, work).values():
        if changed is None:
            cells.append("no search")
            continue
        run = what_if(chip, work, changed)
        times = {what: dict(run.after)[what] / dict(run.before)[what] for what in (Headline.LATENCY, Headline.ENERGY)}
        moved = "" if run.binds_before == run.binds_after else f", then {run.binds_after}"
        cells.append(f"{times[Headline.LATENCY]:.2f}, {times[Headline.ENERGY]:.2f}{moved}")
    return f"| {name} | {run.binds_before} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    chip = load_chip("int4_array")
    heads = changes(chip, load_workload("rnnt"))
    print(f"| workload | binds | {' | '.join(heads)} |")
    print("|---" * (len(heads) + 2) + "|")
    for name in names(Kind.WORKLOAD):
        print(row(chip, name), flush=True)


if __name__ == "__main__":
    main()

"""What a small weight-stationary array does in each cycle, as a table."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.quantities.precision import Precision
from rtl.case import Case
from rtl.simulators import Simulator
from rtl.workbench import Workbench, build_for

EXAMPLE = Case(
    rows=2,
    cols=2,
    dataflow=Dataflow.WS,
    m=3,
    k=4,
    n=2,
    act=Precision.INT4,
    weight=Precision.INT4,
    seed=3,
)
"""Two tiles of K on 2 × 2 processing elements, with shadow weights and wavefront load."""


def traced(folder: Path, case: Case = EXAMPLE) -> str:
    """Runs the case; a line a cycle: weights that enter, sum + act · weight of each busy element, buffers written."""
    build = replace(build_for(case), max_pk=1, max_qn=1, trace=True)
    printed = Workbench(folder, Simulator.ICARUS).simulate(case, build).printed
    columns = range(case.cols)
    places = [
        *(f"weight {c}" for c in columns),
        *(f"PE({r},{c})" for r in range(case.rows) for c in columns),
        *(f"buffer {c}" for c in columns),
    ]
    cells: dict[int, dict[str, str]] = defaultdict(dict)
    for line in printed.splitlines():
        match line.split():
            case [cycle, ("weight" | "buffer") as what, column, value]:
                cells[int(cycle)][f"{what} {column}"] = value
            case [cycle, "pe", row, column, above, act, weight]:
                cells[int(cycle)][f"PE({row},{column})"] = f"{above} + {act}·{weight}"
    rows = [["cycle", *places]]
    rows += [[str(cycle), *(cells[cycle].get(place, "") for place in places)] for cycle in range(max(cells) + 1)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)

"""Programs of one op as workloads: run on a chip, and in values with a trace."""

from pathlib import Path
from typing import Any

import numpy as np

from hwsim.engine.values.evaluate import Given, evaluate
from hwsim.engine.values.npz import write_npz
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.spool import Spool
from hwsim.engine.values.trace import Trace
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.quality import Quality
from hwsim.tensor.backend import ExactProducts
from models.test_rnnt import recipe

Arrays = dict[str, np.ndarray[Any, Any]]


def workload_of(program: Program) -> Workload:
    """The program as a workload of one second."""
    plan = PrecisionPlan(policy="w8a8")
    return Workload(
        name="one", audio=10**12, batch=1, precision=plan, program=program, recipe=recipe(), utterances=1
    )  # fmt: skip


def traced_alone(program: Program, folder: Path) -> tuple[Arrays, Arrays, Quality]:
    """What a program was given, the arrays of its trace, and how near its values are to floats."""
    work, spool = workload_of(program), Spool(folder)
    given = Given(parameters=parameters_from(program, 0), inputs=inputs_from(program, 0))
    trace = Trace(program, spool)
    quality = evaluate(work, given, ExactProducts(), watch=trace.watch, finish=trace.finish)
    path = folder / "trace.npz"
    with path.open("wb") as file:
        write_npz(spool, file)
    with np.load(path) as arrays:
        return dict(given.inputs), {name: arrays[name] for name in arrays.files}, quality

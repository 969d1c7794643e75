"""What the output of a network in integers is like beside the same network in floats, once its formats are chosen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.compare import Sums, error_metrics
from hwsim.engine.values.evaluate import Given, evaluate
from hwsim.engine.values.floats import Seen
from hwsim.engine.values.integers import IntegerOps
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload
from hwsim.study.allocation.noise import AtOutput, Reference, divergence_sum
from hwsim.tensor.backend import ExactProducts


def judged_values(reference: Reference, work: Workload, parameters: Mapping[str, Any]) -> AtOutput:
    """The output of a run of this workload in its formats, with exact accumulators, beside that of the reference.

    `parameters` are those of the workload, whose layers may be narrower than those of the reference.
    """
    given: Given = replace(reference.given, parameters=parameters)
    exact = np.concatenate([part.reshape(-1, part.shape[-1]) for part in reference.written])
    sums, rows, divergence = Sums(), 0, 0.0

    def watch(ops: IntegerOps) -> Seen:
        def see(op: Op, name: str, values: NDArray[Any], runs: int = 1) -> None:
            nonlocal rows, divergence
            if name == reference.output:
                found = np.asarray(ops.real(name, values), np.float32).reshape(-1, exact.shape[1])
                wanted = exact[rows : rows + len(found)]
                sums.add(error_metrics(wanted, found))
                divergence += divergence_sum(wanted, found)
                rows += len(found)

        return see

    evaluate(work, given, ExactProducts(reference.threads), watch=watch)
    return AtOutput(sums.noise / sums.signal if sums.signal else 0.0, divergence / rows if rows else 0.0)

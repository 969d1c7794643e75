"""What layers lose as a file says: outright, or by the trace of the Hessian of the loss.

With traces the loss of a layer is that of HAWQ-V2 (Dong et al., NeurIPS 2020, arXiv 1911.03852): the mean of the
trace over its weights, times the squared distance between its weights and their rounded ones.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hwsim.inputs.sensitivities import Sensitivities
from hwsim.ir.workload import Workload
from hwsim.study.allocation.formats import Floats, rounded_table, rounded_weight
from hwsim.study.allocation.noise import products_of
from hwsim.study.allocation.sensing import Table
from hwsim.study.allocation.units import Unit


def given_losses(
    file: Sensitivities, units: Sequence[Unit], formats: Mapping[str, Workload], parameters: Mapping[str, Floats]
) -> Table:
    """What each unit loses under each policy."""
    file.check_ops([op for unit in units for op in unit.ops])
    if not file.of_traces:
        return {unit.name: {name: sum(file.loss(op, name) for op in unit.ops) for name in formats} for unit in units}
    return {
        unit.name: {name: _by_trace(file, unit, work, parameters) for name, work in formats.items()} for unit in units
    }


def _by_trace(file: Sensitivities, unit: Unit, work: Workload, parameters: Mapping[str, Floats]) -> float:
    products = products_of(work, [unit])
    loss = 0.0
    for op in unit.ops:
        if op in products:
            weights = parameters[products[op].weight.tensor]
            fresh = rounded_weight(work, products[op], weights)
        else:
            weights = parameters[unit.tensors[0]]
            fresh = rounded_table(work.precision.of(op).weight, weights)
        distance = float(np.square((fresh - weights).astype(np.float64)).sum())
        loss += file.traces[op] / weights.size * distance
    return loss

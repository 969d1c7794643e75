"""What a layer loses in each format: at the output of the network by one run a layer, or of its own results alone.

A layer's noise is measured in every format from its own operands in floats. How much of it arrives at the output is
measured in one format, as noise or as divergence, and holds for all: small noise passes on in proportion to its power.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hwsim.ir.workload import Workload
from hwsim.quantities.plain_data import Progress, stage
from hwsim.quantities.precision import policy
from hwsim.results.allocation import Sensing
from hwsim.study.allocation.formats import rounded_table
from hwsim.study.allocation.noise import AtOutput, OtherProduct, Reference, Start, at_output, local_noise, table_noise
from hwsim.study.allocation.units import Unit

USUAL_BITS = 4
"""Bits of the weights with which a layer's noise is followed to the output, or the nearest to them: enough to be heard,
and not so few that noise is as large as what it disturbs."""

Table = dict[str, dict[str, float]]
"""Of each unit, by name, what it loses under each policy."""


def sensed(
    reference: Reference,
    others: Mapping[str, Mapping[str, OtherProduct]],
    units: Sequence[Unit],
    formats: Mapping[str, Workload],
    sensing: Sensing,
    progress: Progress,
) -> Table:
    """What each unit loses under each policy."""
    follows = sensing is not Sensing.LOCAL
    by_op = local_noise(reference, others, stage(progress, 0, 1 + len(units) * follows))
    local = {unit.name: _of_unit(reference, unit, by_op, formats) for unit in units}
    if not follows:
        return local
    followed = min(formats, key=lambda name: (abs(policy(name).weight.bits - USUAL_BITS), policy(name).weight.bits))
    table: Table = {}
    start = Start(reference)
    for place, unit in enumerate(units):
        arrived = _arrived(reference, others, unit, formats[followed], followed, start)
        at_end = arrived.divergence if sensing is Sensing.KL else arrived.noise
        heard = local[unit.name][followed]
        table[unit.name] = {name: at_end * noise / heard if heard else 0.0 for name, noise in local[unit.name].items()}
        stage(progress, 1 + place, 1 + len(units))(1, 1)
    return table


def _of_unit(
    reference: Reference, unit: Unit, by_op: Mapping[str, Mapping[str, float]], formats: Mapping[str, Workload]
) -> dict[str, float]:
    measured = [by_op[op] for op in unit.ops if op in by_op]
    if not measured:
        return table_noise(reference, unit, formats)
    return {name: sum(noise[name] for noise in measured) for name in formats}


def _arrived(
    reference: Reference,
    others: Mapping[str, Mapping[str, OtherProduct]],
    unit: Unit,
    work: Workload,
    followed: str,
    start: Start,
) -> AtOutput:
    """What a unit in one format makes of the output."""
    changed = {op: others[op][followed] for op in unit.ops if op in others}
    if changed:
        return at_output(reference, changed, start.before(changed))
    parameters = dict(reference.given.parameters)
    for name in unit.tensors:
        if name in parameters:
            parameters[name] = rounded_table(work.precision.of(unit.ops[0]).weight, parameters[name])
    return at_output(replace(reference, given=replace(reference.given, parameters=parameters)), {})

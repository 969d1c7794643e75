"""The ops and the weights of two runs of a network beside each other."""

from collections.abc import Sequence
from fractions import Fraction

from hwsim.ir.program import Program
from hwsim.results.result import OpResult
from hwsim.results.waterfall import BecameResident, ComparedOp
from hwsim.schedule.schedule import Placement


def compared_ops(first: Sequence[OpResult], last: Sequence[OpResult]) -> tuple[ComparedOp, ...]:
    """The ops that both runs have, in the order of the last one."""
    before = {op.name: op for op in first}
    return tuple(_compared(before[op.name], op) for op in last if op.name in before)


def _compared(before: OpResult, after: OpResult) -> ComparedOp:
    return ComparedOp(
        name=after.name,
        cycles_before=before.cycles,
        cycles_after=after.cycles,
        limit_before=before.limit,
        limit_after=after.limit,
        energy_before_aj=before.energy_aj,
        energy_after_aj=after.energy_aj,
    )


def became_resident(
    program: Program, first: Sequence[Placement], last: Sequence[Placement]
) -> tuple[BecameResident, ...]:
    """The parameters of the last program of which a larger share stays on the chip than in the first run, the largest
    of what stays first."""
    before = {one.tensor: one for one in first}
    weights = {tensor.name for tensor in program.tensors if tensor.role.parameter}
    found = [
        BecameResident(
            tensor=one.tensor,
            place_before=before[one.tensor].place,
            place_after=one.place,
            bytes=one.bytes,
            kept_bytes=one.kept_bytes,
        )
        for one in last
        if one.tensor in weights and one.tensor in before and _kept(one) > _kept(before[one.tensor])
    ]
    return tuple(sorted(found, key=lambda one: -one.kept_bytes))


def _kept(one: Placement) -> Fraction:
    """The share of it that stays on the chip."""
    return Fraction(one.kept_bytes, one.bytes) if one.bytes else Fraction(0)

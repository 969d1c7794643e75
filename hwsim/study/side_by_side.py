"""The ops and the weights of two runs of a network beside each other."""

from collections.abc import Sequence
from fractions import Fraction

from hwsim.ir.program import Program
from hwsim.results.result import OpResult
from hwsim.results.waterfall import BecameResident, ComparedOp
from hwsim.schedule.schedule import Placement


def compared_ops(first: Sequence[OpResult], last: Sequence[OpResult]) -> tuple[ComparedOp, ...]:
    """The ops that both runs have, in the order of the last run."""
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
    """The parameters of the last program of which a larger fraction stays on the chip than in the first run, by falling
    bytes on the chip."""
    before = {placement.tensor: placement for placement in first}
    weights = {tensor.name for tensor in program.tensors if tensor.role.parameter}
    residents = [
        BecameResident(
            tensor=placement.tensor,
            place_before=before[placement.tensor].place,
            place_after=placement.place,
            bytes=placement.bytes,
            kept_bytes=placement.kept_bytes,
        )
        for placement in last
        if placement.tensor in weights
        and placement.tensor in before
        and _kept(placement) > _kept(before[placement.tensor])
    ]
    return tuple(sorted(residents, key=lambda placement: -placement.kept_bytes))


def _kept(placement: Placement) -> Fraction:
    """The fraction of a tensor's bytes that stays on the chip."""
    return Fraction(placement.kept_bytes, placement.bytes) if placement.bytes else Fraction(0)

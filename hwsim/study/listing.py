"""The listing of a workload's ops."""

from collections import Counter
from fnmatch import fnmatchcase

from hwsim.ir.listing import ListedOp, Listing, Operand
from hwsim.ir.op_table import ShapeOf, kind, op_spec
from hwsim.ir.program import Program
from hwsim.ir.view import View
from hwsim.ir.workload import Workload, part_of
from hwsim.passes.wanted import ruled_ops
from hwsim.quantities.precision import PrecisionPlan


def listing(workload: Workload) -> Listing:
    """The ops of a workload, each with the operands of its first run."""
    program, ruled = workload.program, frozenset(ruled_ops(workload.trained))
    macs, runs, first = Counter[str](), Counter[str](), dict[str, ShapeOf]()
    for instance in program.instances():
        name = instance.op.name
        runs[name] += instance.times
        macs[name] += op_spec(instance.op).macs(instance.op, instance.shape) * instance.times
        first.setdefault(name, instance.shape)
    return Listing(
        workload=workload.name,
        precision=workload.formats,
        ops=tuple(
            ListedOp(
                name=placed.op.name,
                part=part_of(placed.op.name),
                kind=kind(placed.op),
                runs=runs[placed.op.name],
                macs=macs[placed.op.name],
                reads=_operands(program, op_spec(placed.op).reads(placed.op), first.get(placed.op.name)),
                writes=_operands(program, op_spec(placed.op).writes(placed.op), first.get(placed.op.name)),
                policy=workload.precision.of(placed.op.name).name if placed.op.name in ruled else None,
                rule=_rule(workload.precision, placed.op.name) if placed.op.name in ruled else None,
            )
            for placed in program.placed()
        ),
    )


def _operands(program: Program, views: tuple[View, ...], shape: ShapeOf | None) -> tuple[Operand, ...]:
    """The operands of an op whose views have these shapes; none, if it never runs."""
    if shape is None:
        return ()
    return tuple(
        Operand(tensor=view.tensor, shape=shape(view), precision=program.tensor(view.tensor).precision)
        for view in dict.fromkeys(views)
    )


def _rule(plan: PrecisionPlan, op: str) -> str | None:
    """The pattern of the rule that decides about an op: the last rule that matches."""
    return next((rule.match for rule in reversed(plan.rules) if fnmatchcase(op, rule.match)), None)

"""Lists the ops of a workload."""

from collections import Counter
from fnmatch import fnmatchcase
from typing import cast

from hwsim.core.laws import kind, law
from hwsim.core.listing import ListedOp, Listing, Operand
from hwsim.core.precision import PrecisionPlan
from hwsim.core.program import Placed, Program
from hwsim.core.view import View
from hwsim.core.workload import Workload, part_of
from hwsim.models.catalogue import AnyRecipe, takes_rules


def listing(workload: Workload) -> Listing:
    """The ops of a workload; what each reads and writes is that of its first run."""
    program, recipe = workload.program, cast(AnyRecipe, workload.recipe)
    macs: Counter[str] = Counter()
    for instance in program.instances():
        macs[instance.op.name] += law(instance.op).macs(instance.op, instance.shape) * instance.times
    return Listing(
        workload=workload.name,
        precision=workload.precision.title,
        ops=tuple(
            ListedOp(
                name=placed.op.name,
                part=part_of(placed.op.name),
                kind=kind(placed.op),
                runs=placed.times,
                macs=macs[placed.op.name],
                reads=_operands(program, placed, law(placed.op).reads(placed.op)),
                writes=_operands(program, placed, law(placed.op).writes(placed.op)),
                policy=workload.precision.of(placed.op.name).name if takes_rules(placed.op, recipe) else None,
                rule=_rule(workload.precision, placed.op.name) if takes_rules(placed.op, recipe) else None,
            )
            for placed in program.placed()
        ),
    )


def _operands(program: Program, placed: Placed, views: tuple[View, ...]) -> tuple[Operand, ...]:
    shape = program.first_shapes(placed)
    return tuple(
        Operand(tensor=view.tensor, shape=shape(view), precision=program.tensor(view.tensor).precision)
        for view in dict.fromkeys(views)
    )


def _rule(plan: PrecisionPlan, op: str) -> str | None:
    """The pattern of the rule that decides about an op: the last one that matches."""
    return next((rule.match for rule in reversed(plan.rules) if fnmatchcase(op, rule.match)), None)

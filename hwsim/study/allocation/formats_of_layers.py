"""What options of layers mean for a workload: policies of its ops, widths of its bottlenecks."""

from collections.abc import Iterable, Sequence

from hwsim.ir.workload import Workload
from hwsim.passes.precision import in_precision
from hwsim.quantities.precision import PrecisionPlan
from hwsim.results.allocation import AllocationOutcome, Chosen, Layer, Option
from hwsim.study.allocation.narrowing import Factored, factored_layers, with_widths
from hwsim.study.allocation.units import plan_with, units_of

Picked = Sequence[tuple[Layer, Option]]


def policies_of(picked: Picked) -> dict[str, str]:
    """The policy of each op."""
    return {
        op: policy
        for layer, option in picked
        for ops, policy in zip(layer.factors, option.policies, strict=True)
        for op in ops
    }


def widths_of(picked: Picked, factored: Iterable[Factored]) -> dict[str, int]:
    """The widths of those bottlenecks that become narrower, by the paths of their fields."""
    by_name = {layer.enter.name.rpartition(".")[0]: layer for layer in factored}
    widths = {}
    for layer, option in picked:
        if option.bottleneck is not None and option.bottleneck < by_name[layer.name].width:
            widths[by_name[layer.name].path] = option.bottleneck
    return widths


def allocated_plan(workload: Workload, outcome: AllocationOutcome, chosen: Chosen) -> PrecisionPlan:
    """The plan of a workload with the formats that were chosen."""
    return plan_with(workload.precision, outcome.base, policies_of(outcome.picked(chosen)))


def allocated_widths(workload: Workload, outcome: AllocationOutcome, chosen: Chosen) -> dict[str, int]:
    """The widths of bottlenecks that were chosen, by the paths of their fields."""
    if not outcome.bottlenecks:
        return {}
    return widths_of(outcome.picked(chosen), factored_layers(workload, units_of(workload)))


def in_formats(work: Workload, base: str, policies: dict[str, str], widths: dict[str, int]) -> Workload:
    """The workload with these policies of ops and these widths of bottlenecks."""
    narrow = with_widths(work, widths)
    return in_precision(narrow, plan_with(narrow.precision, base, policies))

"""Layers with their options: what each costs by runs of the whole network in one format, and what it loses."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from hwsim.dataclass import dataclass
from hwsim.results.allocation import Layer, Option
from hwsim.study.allocation.costs import UnitCost
from hwsim.study.allocation.narrowing import Factored
from hwsim.study.allocation.sensing import Table
from hwsim.study.allocation.units import Unit

Costs = Mapping[tuple[str, int | None], Mapping[str, UnitCost]]
"""By policy and by the width to which all bottlenecks were narrowed, if they were, what each unit costs."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What units lose under policies, and what layers lose with narrower bottlenecks, by their places."""

    of_units: Table
    of_widths: Mapping[int, Mapping[int, float]]


def layers_of(
    units: Sequence[Unit], factored: Sequence[Factored], widths: Sequence[int], costs: Costs, losses: Losses
) -> tuple[Layer, ...]:
    """All layers: units alone, or two of them as the factors of one whose bottleneck is chosen too."""
    pairs = {layer.enter.name: layer for layer in factored}
    second = {layer.leave.name for layer in factored}
    return tuple(
        _pair(pairs[unit.name], widths, costs, losses) if unit.name in pairs else _alone(unit, costs, losses)
        for unit in units
        if unit.name not in second
    )


def _alone(unit: Unit, costs: Costs, losses: Losses) -> Layer:
    options = []
    for (policy, width), by_unit in costs.items():
        if width is None:
            cost = by_unit[unit.name]
            options.append(
                Option(
                    policies=(policy,),
                    model_bytes=cost.model_bytes,
                    cycles=cost.cycles,
                    energy_aj=cost.energy_aj,
                    sensitivity=losses.of_units[unit.name][policy],
                )
            )
    return Layer(name=unit.name, factors=(unit.ops,), parameters=unit.parameters, options=tuple(options))


def _pair(layer: Factored, widths: Sequence[int], costs: Costs, losses: Losses) -> Layer:
    units = layer.enter, layer.leave
    return Layer(
        name=layer.enter.name.rpartition(".")[0],
        factors=tuple(unit.ops for unit in units),
        parameters=sum(unit.parameters for unit in units),
        options=tuple(_pair_options(layer, widths, costs, losses)),
    )


def _pair_options(layer: Factored, widths: Sequence[int], costs: Costs, losses: Losses) -> Iterator[Option]:
    policies = list(dict.fromkeys(policy for policy, _ in costs))
    enter, leave = layer.enter.name, layer.leave.name
    kept = [width for width in widths if width < layer.width]
    for width, first, second in product((*kept, layer.width), policies, policies):
        key = None if width == layer.width else width
        one, other = costs[first, key][enter], costs[second, key][leave]
        rounding = losses.of_units[enter][first] + losses.of_units[leave][second]
        yield Option(
            policies=(first, second),
            bottleneck=width,
            model_bytes=one.model_bytes + other.model_bytes,
            cycles=one.cycles + other.cycles,
            energy_aj=one.energy_aj + other.energy_aj,
            sensitivity=rounding + (losses.of_widths[layer.place][width] if key is not None else 0.0),
        )

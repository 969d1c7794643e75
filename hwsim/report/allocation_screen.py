"""An allocation for a terminal: what each budget comes to beside one policy throughout, and which layers have what."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure as written
from hwsim.report.numbers import joules, percent, scaled
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.allocation import (
    AllocationOutcome,
    Chosen,
    Judged,
    Layer,
    Option,
    Sensing,
    Spent,
    UniformRun,
    decibels,
)
from hwsim.results.headline_figures import Headline
from hwsim.results.quality import Origin

MOST_SENTENCES = 2
"""Budgets of which each has a sentence; of more the table says it."""
MOST_NAMED = 8
"""Layers that are named of those that lose most."""

LOSSES = {
    Sensing.SQNR: "noise at the output",
    Sensing.KL: "divergence of the output's softmax",
    Sensing.LOCAL: "noise of each layer's own results",
    Sensing.GIVEN: "what the file says",
}


def allocation_text(outcome: AllocationOutcome, screen: Screen, *, full: bool = False) -> str:
    """The whole allocation; in full with all layers."""
    blocks: list[Text | Table] = [_head(outcome)]
    if len(outcome.chosen) <= MOST_SENTENCES:
        blocks += [Text(answer_text(outcome, chosen)) for chosen in outcome.chosen]
    blocks.append(_points(outcome))
    blocks.append(_policies(outcome))
    if full:
        blocks.append(_layers(outcome))
    elif len(outcome.chosen) == 1:
        blocks.append(_runs_of_layers(outcome, outcome.chosen[0]))
    blocks.append(_losing(outcome))
    if outcome.refused:
        blocks.append(Text("\n".join(f"{name} is refused: {why}" for name, why in outcome.refused)))
    if not full:
        blocks.append(Text("More: --full"))
    return render(blocks, screen)


def _head(outcome: AllocationOutcome) -> Text:
    heard = f"{written(outcome.calibrated_ms / 1000)} s of audio"
    weights = "" if outcome.weights_from is Origin.FILE else f", weights drawn (seed {outcome.seed}), never trained"
    offered = ", ".join(outcome.policies)
    if outcome.bottlenecks:
        offered += f", bottlenecks of {', '.join(map(str, outcome.bottlenecks))} and as they are"
    layers = f"{len(outcome.layers)} layers, each in one of {offered}"
    least = f"least {LOSSES[outcome.sensing]}, on {heard}{weights}"
    return Text.assemble((f"{outcome.workload} on {outcome.chip}", "bold"), f"\n{layers}; {least}")


def answer_text(outcome: AllocationOutcome, chosen: Chosen) -> str:
    """What a budget comes to, in a sentence."""
    judged = chosen.judged
    beside = " and ".join(f"{one.workload} in {one.precision}" for one in outcome.beside)
    smaller = f"{written(judged.compression)} times smaller than fp32" + (f" with {beside}" if beside else "")
    takes = f"takes {scaled(judged.model_bytes, 'B')}, {smaller}, RTF {_headline(judged, Headline.RTF)}, "
    takes += f"{_headline(judged, Headline.ENERGY)}; SQNR {_db(judged.sqnr_db)}"
    near = [
        f"{one.policy} throughout: {_taken(outcome, one)}, {_db(one.judged.sqnr_db)}" for one in _near(outcome, chosen)
    ]
    return f"Within {chosen.budget} it {takes}" + (f" ({'; '.join(near)})" if near else "")


def _taken(outcome: AllocationOutcome, one: UniformRun) -> str:
    """What a uniform run takes of a budget, networks beside it left aside."""
    of_model = outcome.spent is Spent.MODEL
    return cost_text(one.judged.model_bytes if of_model else one.cost, outcome)


def _near(outcome: AllocationOutcome, chosen: Chosen) -> list[UniformRun]:
    """The uniform runs that take least more, and least less."""
    more = [one for one in outcome.uniform if one.cost > chosen.taken]
    less = [one for one in outcome.uniform if one.cost <= chosen.taken]
    nearest = [max(less, key=lambda one: one.cost)] if less else []
    return nearest + ([min(more, key=lambda one: one.cost)] if more else [])


def cost_text(cost: float, outcome: AllocationOutcome) -> str:
    """What is taken of a budget."""
    match outcome.spent:
        case Spent.MODEL:
            return scaled(cost, "B")
        case Spent.ENERGY:
            return joules(cost)
        case Spent.CYCLES:
            return f"{cost:,.0f} cycles"


def _headline(judged: Judged, figure: Headline) -> str:
    return headline_text(figure, dict(judged.figures)[figure])


def _db(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} dB"


def loss_text(sensitivity: float, sensing: Sensing) -> str:
    """A loss as people read it: noise at the output in decibels."""
    return _db(decibels(sensitivity)) if sensing is Sensing.SQNR else f"{sensitivity:.3g}"


def _points(outcome: AllocationOutcome) -> Table:
    title = "What budgets come to, beside one policy throughout"
    judged = ("SQNR", "divergence") if outcome.sensing is Sensing.KL else ("RTF", "energy", "SQNR")
    table = new_table("formats", "model", "smaller", *judged, "summed", "greedy", title=title)
    for one in outcome.uniform:
        table.add_row(*_cells(f"all {one.policy}", one.judged, one.sensitivity, outcome), "")
    for chosen in outcome.chosen:
        table.add_row(*_cells(chosen.budget, chosen.judged, chosen.sensitivity, outcome), gap_text(chosen))
    return table


def gap_text(chosen: Chosen) -> str:
    """By how much more the greedy choice loses."""
    return "the same" if chosen.gap < 1e-9 else f"+{percent(chosen.gap)}"


def _cells(name: str, judged: Judged, sensitivity: float, outcome: AllocationOutcome) -> tuple[str, ...]:
    own = _headline(judged, Headline.RTF), _headline(judged, Headline.ENERGY), _db(judged.sqnr_db)
    return (
        name,
        scaled(judged.model_bytes, "B"),
        f"{written(judged.compression)} ×",
        *(own if outcome.sensing is not Sensing.KL else (_db(judged.sqnr_db), f"{judged.divergence or 0:.3g}")),
        loss_text(sensitivity, outcome.sensing),
    )


def _policies(outcome: AllocationOutcome) -> Table:
    """How many weights have each policy."""
    budgets = [chosen.budget for chosen in outcome.chosen]
    table = new_table("weights in", *budgets, title="How many of the weights have which format")
    shares = [policy_shares(outcome, chosen) for chosen in outcome.chosen]
    for name in outcome.policies:
        table.add_row(name, *(percent(share[name]) for share in shares))
    return table


def policy_shares(outcome: AllocationOutcome, chosen: Chosen) -> dict[str, float]:
    """The share of the parameters of all layers that has each policy; of a layer with factors they count alike."""
    shares = dict.fromkeys(outcome.policies, 0.0)
    whole = sum(layer.parameters for layer in outcome.layers)
    for layer, option in outcome.picked(chosen):
        for policy in option.policies:
            shares[policy] += layer.parameters / len(option.policies) / whole
    return shares


def _runs_of_layers(outcome: AllocationOutcome, chosen: Chosen) -> Table:
    """Layers that follow one another in the same format."""
    table = new_table("layers", "count", "format", title=f"Formats within {chosen.budget}")
    for title, same in groupby(outcome.picked(chosen), key=lambda entry: entry[1].title):
        names = [layer.name for layer, _ in same]
        table.add_row(names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}", str(len(names)), title)
    return table


def _layers(outcome: AllocationOutcome) -> Table:
    budgets = [chosen.budget for chosen in outcome.chosen]
    table = new_table("layer", "parameters", *budgets, title="All layers")
    picked = [outcome.picked(chosen) for chosen in outcome.chosen]
    for entries in zip(*picked, strict=True):
        layer = entries[0][0]
        table.add_row(layer.name, f"{layer.parameters:,}", *(option.title for _, option in entries))
    return table


def _losing(outcome: AllocationOutcome) -> Table:
    """The layers that lose most by their narrowest format."""
    policies = outcome.policies
    table = new_table("layer", "parameters", *policies, title="Layers that lose most, by " + LOSSES[outcome.sensing])
    for layer in losing_most(outcome, MOST_NAMED):
        losses = dict(uniform_losses(layer))
        table.add_row(layer.name, f"{layer.parameters:,}", *(f"{losses[name]:.3g}" for name in policies))
    return table


def losing_most(outcome: AllocationOutcome, count: int) -> Sequence[Layer]:
    """The layers that lose most in the policy that loses most."""
    return sorted(outcome.layers, key=lambda layer: -max(loss for _, loss in uniform_losses(layer)))[:count]


def uniform_losses(layer: Layer) -> Iterator[tuple[str, float]]:
    """What a layer loses with all its factors in one policy, as wide as it is."""
    widest = max((option.bottleneck or 0) for option in layer.options)
    for option in layer.options:
        if len(set(option.policies)) == 1 and (option.bottleneck or 0) == widest:
            yield option.policies[0], option.sensitivity


def option_rows(outcome: AllocationOutcome) -> list[dict[str, object]]:
    """A row a layer and option, and for which budgets it was chosen."""
    places = [chosen.options for chosen in outcome.chosen]
    return [
        _option_row(
            layer,
            option,
            [chosen.budget for chosen, at in zip(outcome.chosen, places, strict=True) if at[number] == place],
        )
        for number, layer in enumerate(outcome.layers)
        for place, option in enumerate(layer.options)
    ]


def _option_row(layer: Layer, option: Option, budgets: Sequence[str]) -> dict[str, object]:
    return {
        "layer": layer.name,
        "policies": " ".join(option.policies),
        "bottleneck": option.bottleneck,
        "parameters": layer.parameters,
        "model_bytes": option.model_bytes,
        "cycles": option.cycles,
        "energy_aj": option.energy_aj,
        "sensitivity": option.sensitivity,
        "chosen_within": ", ".join(budgets),
    }

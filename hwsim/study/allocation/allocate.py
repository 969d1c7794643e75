"""Formats for each layer within budgets: what layers lose and cost, found once, then the best options for each budget.

Costs of layers are their shares in runs of the whole network in one format. What is chosen by their sums is then run as
a whole; where the run takes more than the budget, the sum is held lower and the choice made again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hwsim.errors import InvalidValue, Unsupported, UserError
from hwsim.hardware.chip import Chip
from hwsim.inputs.sensitivities import Sensitivities, read_sensitivities
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import must_be, sorted_pairs
from hwsim.quantities.plain_data import Objective, Progress, must_map_names, no_progress, stage
from hwsim.quantities.precision import policy
from hwsim.results.allocation import (
    AllocationOutcome,
    Beside,
    Sensing,
    Spent,
    UniformRun,
)
from hwsim.results.measured import Sources
from hwsim.study.allocation.budgets import read_budgets
from hwsim.study.allocation.choices import Choices, Judge, floors_of
from hwsim.study.allocation.costs import UnitCost, stored_by_unit, unit_costs
from hwsim.study.allocation.narrowing import Factored, check_widths, factored_layers
from hwsim.study.allocation.options import layers_of
from hwsim.study.allocation.runs import Runs, formats
from hwsim.study.allocation.search import Beyond, curve, groups_of, refusal
from hwsim.study.allocation.units import Unit, all_in, units_of
from hwsim.study.allocation.values import Values

HEARD = 2 * 10**12
"""Picoseconds of audio on which layers are compared, unless an input says how long it is: enough frames for what is
noise, few enough to run a network once for each layer."""

USUAL_WEIGHTS = (2, 3, 4, 8)
"""Bits of weights among which is chosen, if nobody says others."""


def allocate(
    chip: Chip,
    workload: Workload,
    budgets: Sequence[str],
    *,
    precisions: Sequence[str] = (),
    bottlenecks: Sequence[int] = (),
    sensitivity: Sensing | str | Path = Sensing.SQNR,
    beside: Sequence[Workload] = (),
    sources: Sources | None = None,
    heard: int = HEARD,
    objective: Objective | str = Objective.LATENCY,
    files: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> AllocationOutcome:
    """Choose a precision policy for each layer, so that least is lost within each budget, such as `8 MB`, `13.6x`
    (times smaller than fp32), `rtf=0.0002`, `2 ms` or `5 mJ`.

    What is lost is noise at the output (`sqnr`), the divergence of its softmax (`kl`), noise of each layer's own
    results (`local`), or what a CSV file says. With `bottlenecks`, each factored layer of a TDNN-F may have one of
    these widths. Networks `beside` it share budgets of bytes. `heard` says on how many picoseconds of audio layers are
    compared.
    """
    if not isinstance(chip, Chip):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    must_map_names(str, "a text", files=files)
    found = read_budgets(list(budgets))
    spent = found[0].spent
    sensing, file = _sensing(sensitivity)
    units = units_of(workload)
    offered = _offered(workload, precisions)
    factored = factored_layers(workload, units) if bottlenecks else ()
    widths = sorted(set(bottlenecks))
    if factored:
        check_widths(widths, factored)
        if sensing in (Sensing.LOCAL, Sensing.GIVEN):
            raise InvalidValue("sensitivity", sensing.value, "says nothing of bottlenecks; take sqnr or kl with them")
    if beside and spent is not Spent.MODEL:
        raise InvalidValue("beside", beside[0].name, "shares budgets of bytes alone")
    base = _base(workload, offered)
    runs = Runs(chip, workload, base, Objective.named(objective))
    costs, refused = _costs(runs, units, factored, offered, widths, stage(progress, 0, 3))
    names = tuple(dict.fromkeys(name for name, _ in costs))
    sources = sources or Sources()
    values = Values.of(workload, base, units, factored, sources, heard)
    losses = values.losses(names, widths, sensing, file, stage(progress, 1, 3))
    layers = layers_of(units, factored, widths, costs, losses)
    shared = tuple(map(_beside, beside))
    judge = Judge(runs, values, shared)
    last = stage(progress, 2, 3)
    fixed = _fixed(runs, units, names) + judge.beside_bytes if spent is Spent.MODEL else 0
    groups = groups_of(layers, spent)
    uniform, chosen = [], []
    for place, name in enumerate(names):
        every = formats(all_in(units, name), {})
        lost = sum(losses.of_units[unit.name][name] for unit in units)
        uniform.append(
            UniformRun(policy=name, sensitivity=lost, cost=judge.taken(every, spent), judged=judge.of(every))
        )
        stage(last, place, len(names) + len(found))(1, 1)
    for place, budget in enumerate(found):
        parameters = workload.program.parameters + sum(one.parameters for one in shared)
        limit = runs.limit(budget, formats(all_in(units, names[0]), {}), parameters)
        choices = Choices(judge, layers, factored, spent, limit, fixed)
        floors = floors_of(names, widths)[: 1 if sensing is Sensing.GIVEN else None]
        try:
            chosen.append(choices.best(budget.text, floors, sensing))
        except Beyond as error:
            raise refusal(budget.text, limit, spent, error) from error
        stage(last, len(names) + place, len(names) + len(found))(1, 1)
    read = {} if file is None else {file.name: file.sha256}
    return AllocationOutcome(
        chip=chip.name,
        workload=workload.name,
        base=base,
        policies=names,
        bottlenecks=tuple(widths),
        sensing=sensing,
        calibrated_ms=values.audio / 10**9,
        weights_from=values.weights_from,
        seed=sources.seed,
        spent=spent,
        fixed=fixed,
        layers=layers,
        uniform=tuple(uniform),
        chosen=tuple(chosen),
        curve=curve(groups, fixed),
        beside=shared,
        refused=refused,
        files=sorted_pairs({**(files or {}), **values.ready.files, **read}),
    )


def _sensing(asked: Sensing | str | Path) -> tuple[Sensing, Sensitivities | None]:
    """What is made least, and the file that says it, if one does."""
    if isinstance(asked, Sensing):
        return asked, None
    known = {one.value: one for one in Sensing if one is not Sensing.GIVEN}
    if str(asked) in known:
        return known[str(asked)], None
    if not Path(asked).suffix:
        law = f"must be {', '.join(known)}, or a CSV file with the columns op, precision, sensitivity or op, trace"
        raise InvalidValue("sensitivity", str(asked), law)
    return Sensing.GIVEN, read_sensitivities(Path(asked))


def _offered(workload: Workload, precisions: Sequence[str]) -> tuple[str, ...]:
    """The policies among which is chosen: those that somebody names, or weights of 2 to 8 bits with the activations of
    the workload itself, or with 8 bits where it has floats."""
    for place, name in enumerate(precisions):
        policy(name)
        if name in precisions[:place]:
            raise InvalidValue("precisions", name, "is there twice; name each policy once")
    if precisions:
        return tuple(precisions)
    activation = policy(workload.precision.policy).activation
    bits = 8 if activation.floating else activation.bits
    return tuple(f"w{weight}a{bits}" for weight in USUAL_WEIGHTS)


def _base(workload: Workload, offered: Sequence[str]) -> str:
    """The policy of what no layer decides: the workload's own, if it is one of integers, else the widest offered."""
    own = workload.precision.policy
    if own in offered or not policy(own).weight.floating:
        return own
    return max(offered, key=lambda name: (policy(name).weight.bits, policy(name).activation.bits))


Costs = dict[tuple[str, int | None], dict[str, UnitCost]]


def _costs(
    runs: Runs,
    units: Sequence[Unit],
    factored: Sequence[Factored],
    offered: Sequence[str],
    widths: Sequence[int],
    progress: Progress,
) -> tuple[Costs, tuple[tuple[str, str], ...]]:
    """What units cost under each policy that the chip runs, and with bottlenecks of each width; what it refuses."""
    costs: Costs = {}
    refused: dict[str, str] = {}
    asked = [(name, width) for width in (None, *widths) for name in offered]
    for place, (name, width) in enumerate(asked):
        if name in refused:
            continue
        narrow = {layer.path: min(width, layer.width) for layer in factored} if width is not None else {}
        try:
            work, result = runs.of(formats(all_in(units, name), narrow), stage(progress, place, len(asked)))
        except UserError as error:
            refused[name] = str(error)
            continue
        costs[name, width] = unit_costs(work, result, units)
    if not costs:
        raise Unsupported("; ".join(dict.fromkeys(refused.values())))
    return costs, tuple(refused.items())


def _fixed(runs: Runs, units: Sequence[Unit], names: Sequence[str]) -> int:
    """The bytes of parameters whose format no layer decides."""
    rest = []
    for name in names:
        work, _ = runs.of(formats(all_in(units, name), {}))
        rest.append(work.trained.model_bytes - sum(stored_by_unit(work, units).values()))
    return max(rest)


def _beside(work: Workload) -> Beside:
    return Beside(
        workload=work.name,
        precision=work.formats,
        parameters=work.program.parameters,
        model_bytes=work.program.model_bytes,
    )

"""Formats of layers: costs that sum to runs, losses that outputs have, and choices that hold their budgets."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from allocations import TDNNF
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip
from hwsim.inputs.load import load_workload, open_workload
from hwsim.inputs.written_workload import written_workload
from hwsim.ir.workload import Workload
from hwsim.results.allocation import AllocationOutcome, Chosen, Sensing, Spent, decibels
from hwsim.results.measured import Sources
from hwsim.study.allocation.allocate import allocate
from hwsim.study.allocation.budgets import read_budget
from hwsim.study.allocation.costs import unit_costs
from hwsim.study.allocation.formats_of_layers import allocated_plan, allocated_widths, in_formats, policies_of
from hwsim.study.allocation.knapsack import chosen as choice
from hwsim.study.allocation.narrowing import directions_of, factored_layers
from hwsim.study.allocation.noise import (
    Setting,
    Start,
    at_output,
    divergence_sum,
    in_floats,
    other_products,
    products_of,
    reference_of,
)
from hwsim.study.allocation.search import Beyond, groups_of, within
from hwsim.study.allocation.units import all_in, pattern_of, units_of, with_policies
from hwsim.study.simulate import simulate
from hwsim.study.values import prepared, run_values
from sweeps import LSTM

POLICIES = ("w2a8", "w4a8", "w8a8")


@pytest.fixture(scope="module")
def chip() -> Chip:
    return load_chip("int4_array")


@pytest.fixture(scope="module")
def work() -> Workload:
    return load_workload(TDNNF)


@pytest.fixture(scope="module")
def found(chip: Chip, work: Workload) -> AllocationOutcome:
    return allocate(chip, work, ["9.5 kB", "12 kB", "20 kB"], precisions=POLICIES)


def figures(chosen: Chosen) -> dict[str, float]:
    """The figures of the run of what was chosen."""
    return {figure.value: value for figure, value in chosen.judged.figures}


@pytest.mark.parametrize("described", [TDNNF, LSTM])
def test_every_weight_is_that_of_one_layer(described: dict[str, object]) -> None:
    work = load_workload(described)
    units = units_of(work)
    tensors = [name for unit in units for name in unit.tensors]
    assert len(tensors) == len(set(tensors))
    assert sum(unit.parameters for unit in units) == work.program.parameters
    training = [name for name in tensors if name.startswith("training.")]
    assert bool(training) is (described is TDNNF)


@pytest.mark.parametrize("policy", POLICIES)
def test_costs_of_layers_sum_to_those_of_the_run(chip: Chip, work: Workload, policy: str) -> None:
    units = units_of(work)
    formatted = with_policies(work, "w4a8", all_in(units, policy))
    result = simulate(chip, formatted)
    costs = unit_costs(formatted, result, units).values()
    assert sum(cost.model_bytes for cost in costs) == formatted.program.model_bytes
    assert sum(cost.cycles for cost in costs) == result.summary.cycles
    assert sum(cost.energy_aj for cost in costs) == result.summary.energy_aj


def test_bytes_of_a_choice_are_the_sum_of_its_layers(found: AllocationOutcome) -> None:
    for chosen in found.chosen:
        assert chosen.taken == chosen.cost == chosen.judged.model_bytes <= chosen.limit
        assert chosen.rounds == 0
        assert sum(option.model_bytes for _, option in found.picked(chosen)) + found.fixed == chosen.cost


@pytest.mark.slow
def test_the_least_sum_is_that_of_all_choices(chip: Chip) -> None:
    small = load_workload({**TDNNF, "encoder": {**TDNNF["encoder"], "layers": TDNNF["encoder"]["layers"][:1],
                                                "subsampling": 1}})  # fmt: skip
    found = allocate(chip, small, ["5.5 kB", "7 kB"], precisions=POLICIES)
    groups = groups_of(found.layers, Spent.MODEL)
    every = [choice(groups, places) for places in product(range(3), repeat=len(groups))]
    for chosen in found.chosen:
        fitting = [one for one in every if one.cost + found.fixed <= chosen.limit]
        assert chosen.least == min(one.value for one in fitting)
        assert chosen.greedy >= chosen.least
        assert chosen.sensitivity >= chosen.least


def test_what_is_chosen_loses_no_more_than_one_policy_throughout(found: AllocationOutcome) -> None:
    """Of those that take no more: the sum is least, and outputs are compared."""
    for chosen in found.chosen:
        for uniform in found.uniform:
            if uniform.cost <= chosen.limit:
                assert chosen.least <= uniform.sensitivity * (1 + 1e-12)
                assert chosen.judged.sqnr_db is not None
                assert uniform.judged.sqnr_db is not None
                assert chosen.judged.sqnr_db > uniform.judged.sqnr_db - 0.5


def test_noise_of_layers_sums_to_that_of_the_output(found: AllocationOutcome) -> None:
    """Where formats are wide enough for noise to be small."""
    for uniform in found.uniform[1:]:
        summed = decibels(uniform.sensitivity)
        assert summed is not None
        assert summed == pytest.approx(uniform.judged.sqnr_db, abs=1.5)


def test_what_is_judged_is_what_a_trace_says(work: Workload, found: AllocationOutcome) -> None:
    chosen = found.chosen[1]
    plan = allocated_plan(work, found, chosen)
    formatted = in_formats(work, found.base, policies_of(found.picked(chosen)), {})
    assert formatted.precision == plan
    quality = run_values(prepared(formatted, Sources()), Sources())
    assert quality.output == "output.states"
    assert chosen.judged.sqnr_db == pytest.approx(quality.sqnr_db, rel=1e-6)


def test_a_workload_with_what_was_chosen_is_written_and_runs(
    chip: Chip, found: AllocationOutcome, tmp_path: Path
) -> None:
    (tmp_path / "small.json").write_text(json.dumps(TDNNF))
    loaded = open_workload(str(tmp_path / "small.json"))
    for chosen in found.chosen:
        plan = allocated_plan(loaded.value, found, chosen)
        text = written_workload(loaded, plan, {}, name="other", given="a test", folder=tmp_path)
        (tmp_path / "other.yaml").write_text(text)
        again = load_workload(str(tmp_path / "other.yaml"))
        assert again.precision == plan
        assert again.program.model_bytes == chosen.judged.model_bytes
        assert simulate(chip, again).summary.cycles == figures(chosen)["cycles"]


@pytest.mark.slow
def test_bottlenecks_are_chosen_with_formats(chip: Chip, work: Workload, tmp_path: Path) -> None:
    found = allocate(chip, work, ["8 kB", "10 kB"], precisions=POLICIES, bottlenecks=[4, 8])
    tightest = found.chosen[0]
    assert len(found.layers) == len(units_of(work)) - 3
    narrow = allocated_widths(work, found, tightest)
    assert narrow
    assert set(narrow.values()) <= {4, 8}
    assert tightest.taken == tightest.judged.model_bytes <= 8000
    (tmp_path / "small.json").write_text(json.dumps(TDNNF))
    loaded = open_workload(str(tmp_path / "small.json"))
    plan = allocated_plan(work, found, tightest)
    text = written_workload(loaded, plan, narrow, name="narrow", given="a test", folder=tmp_path)
    (tmp_path / "narrow.yaml").write_text(text)
    assert load_workload(str(tmp_path / "narrow.yaml")).program.model_bytes == tightest.judged.model_bytes


def test_a_bottleneck_as_wide_as_it_is_loses_nothing(work: Workload) -> None:
    units = units_of(work)
    ready = prepared(work, Sources())
    floats = in_floats(ready.workload)
    reference = reference_of(Setting(work=floats, given=ready.given, threads=1), products_of(floats, units))
    layers = factored_layers(work, units)
    for layer in layers:
        into, back = directions_of(reference, layers)[layer.place].kept(layer.width)
        assert into @ back == pytest.approx(np.eye(layer.width), abs=1e-6)


@pytest.mark.parametrize("described", [TDNNF, LSTM])
def test_runs_that_share_a_start_are_whole_runs(described: dict[str, object]) -> None:
    units = units_of(work := load_workload(described))
    ready = prepared(work, Sources())
    floats = in_floats(ready.workload)
    products = products_of(floats, units)
    reference = reference_of(Setting(work=floats, given=ready.given, threads=1), products)
    formats = {"w4a8": with_policies(ready.workload, "w4a8", all_in(units, "w4a8"))}
    others = other_products(reference, products, formats)
    start, places = Start(reference), []
    for name in products:
        changed = {name: others[name]["w4a8"]}
        shared = start.before(changed)
        assert shared is not None
        places.append(shared.place)
        assert at_output(reference, changed, shared) == at_output(reference, changed)
    assert places == sorted(places)
    assert (places[-1] > 0) is (described is TDNNF)
    assert start.before({"encoder.1"}) is None or described is LSTM


@pytest.mark.slow
def test_budgets_of_time_and_energy_hold_for_the_whole_run(chip: Chip, work: Workload) -> None:
    slow = replace(chip, dram=replace(chip.dram, read=10**9, write=10**9))
    both = {}
    for name in ("w2a8", "w8a8"):
        both[name] = simulate(slow, with_policies(work, "w4a8", all_in(units_of(work), name))).summary
    microseconds = (both["w2a8"].latency_ms + both["w8a8"].latency_ms) / 2 * 1000
    timed = allocate(slow, work, [f"{microseconds:.3f} us"], precisions=POLICIES).chosen[0]
    assert figures(timed)["latency_ms"] <= microseconds / 1000
    nanojoules = (both["w2a8"].energy_mj + both["w8a8"].energy_mj) / 2 * 10**6
    spent = allocate(slow, work, [f"energy={nanojoules:.3f} nJ"], precisions=POLICIES).chosen[0]
    assert figures(spent)["energy_mj"] <= nanojoules / 10**6
    for chosen in (timed, spent):
        assert len(set(chosen.options)) > 1


def test_a_limit_is_lowered_until_the_run_holds() -> None:
    """A run that takes more than its sum: one more with the dear option of either layer."""
    groups = [[(1, 4.0), (5, 1.0)], [(1, 3.0), (5, 0.5)]]
    fit = within(groups, 10, 0, lambda places: sum(group[at][0] for group, at in zip(groups, places, strict=True))
                 + sum(places))  # fmt: skip
    assert fit.best.places == (1, 0)
    assert (fit.taken, fit.rounds) == (7, 1)
    with pytest.raises(Beyond):
        within(groups, 10, 0, lambda places: 11)


@pytest.mark.slow
@pytest.mark.parametrize("sensing", ["kl", "local"])
def test_other_measures_choose_too(chip: Chip, work: Workload, sensing: str) -> None:
    found = allocate(chip, work, ["12 kB"], precisions=POLICIES, sensitivity=sensing)
    assert found.sensing is Sensing(sensing)
    losses = [uniform.sensitivity for uniform in found.uniform]
    assert losses == sorted(losses, reverse=True)
    if sensing == "kl":
        assert found.uniform[1].sensitivity == pytest.approx(found.uniform[1].judged.divergence, rel=0.3)


def test_divergence_is_that_of_the_definition() -> None:
    wanted, other = np.log([[0.5, 0.25, 0.25]]).astype(np.float32), np.log([[0.25, 0.25, 0.5]]).astype(np.float32)
    assert divergence_sum(wanted + 3, other - 2) == pytest.approx(0.25 * np.log(2), rel=1e-6)


@pytest.mark.slow
def test_a_recurrent_network_is_allocated(chip: Chip) -> None:
    found = allocate(chip, load_workload(LSTM), ["120 kB"], precisions=("w2a8", "w4a8", "w8a8"))
    assert found.chosen[0].taken <= 120_000
    assert found.uniform[1].judged.sqnr_db == pytest.approx(decibels(found.uniform[1].sensitivity), abs=1.5)


@pytest.mark.slow
def test_files_say_what_layers_lose(chip: Chip, work: Workload, tmp_path: Path) -> None:
    file = tmp_path / "losses.csv"
    ops = [op for unit in units_of(work) for op in unit.ops]
    file.write_text(
        "op,precision,sensitivity\n"
        + "".join(f"{op},{name},{(place + 1) * 4.0**-bits}\n" for place, op in enumerate(ops)
                  for name, bits in (("w4a8", 4), ("w8a8", 8)))
    )  # fmt: skip
    found = allocate(chip, work, ["12 kB"], precisions=("w4a8", "w8a8"), sensitivity=file)
    assert found.sensing is Sensing.GIVEN
    assert found.layers[2].options[0].sensitivity == 3 * 4.0**-4
    file.write_text("op,trace\n" + "".join(f"{op},{place + 1}\n" for place, op in enumerate(ops)))
    traced = allocate(chip, work, ["12 kB"], precisions=("w4a8", "w8a8"), sensitivity=file)
    first, second = traced.layers[0].options
    assert 0 < second.sensitivity < first.sensitivity
    file.write_text("op,trace\n" + "".join(f"{op},1\n" for op in ops[1:]))
    with pytest.raises(FileProblem, match=f"has no row for {ops[0]}, whose formats are chosen"):
        allocate(chip, work, ["12 kB"], sensitivity=file)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("8", "must be a budget such as 8 MB"),
        ("rtf=fast", "must have a number behind rtf="),
        ("0 B", "must be above zero"),
        ("word=8 MB", "must be a budget such as 8 MB"),
        ("8 bananas", "must be a budget such as 8 MB"),
    ],
)
def test_budgets_that_say_nothing_are_refused(text: str, law: str) -> None:
    with pytest.raises(InvalidValue, match=f"budget = '{text}': {law}"):
        read_budget(text)


@pytest.mark.slow
def test_what_cannot_be_chosen_is_refused(chip: Chip, work: Workload) -> None:
    with pytest.raises(InvalidValue, match="budget = '1 kB': is 1,000 B, and the cheapest formats take "):
        allocate(chip, work, ["1 kB"], precisions=POLICIES)
    with pytest.raises(InvalidValue, match="is of energy, and 1 kB of model; ask for one of them"):
        allocate(chip, work, ["1 kB", "1 mJ"])
    with pytest.raises(InvalidValue, match="says nothing of bottlenecks"):
        allocate(chip, work, ["9 kB"], bottlenecks=[4], sensitivity="local")
    with pytest.raises(InvalidValue, match="must be from 1 to 16"):
        allocate(chip, work, ["9 kB"], bottlenecks=[17])
    with pytest.raises(Unsupported, match="has no factored layers"):
        allocate(chip, load_workload(LSTM), ["9 kB"], bottlenecks=[4])
    with pytest.raises(InvalidValue, match="shares budgets of bytes alone"):
        allocate(chip, work, ["1 mJ"], beside=[load_workload(LSTM)])


def test_names_of_ops_are_no_patterns() -> None:
    from fnmatch import fnmatchcase

    for name in ("a.b", "Mat[0]", "x*?", "[!a]"):
        assert fnmatchcase(name, pattern_of(name))
        assert not fnmatchcase(name + "x", pattern_of(name))

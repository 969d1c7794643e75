"""Results of networks on chips of tiles: figures that add up, by hand and by law, and read back as they were."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, given, settings

import hwsim
from data import ROOT
from hwsim.errors import InvalidValue, UnknownName, Unsupported
from hwsim.hardware.analog.chip import AnalogChip, Link
from hwsim.hardware.analog.conversion import Scaling
from hwsim.inputs.chips import load_analog_chip
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.quantities.plain_data import Objective
from hwsim.report.export import run_files, to_json
from hwsim.results.measured import Measured, Measuring, Sources
from hwsim.results.tiles_result import TilesResult
from hwsim.study.compare import compare
from hwsim.study.simulate import Request, run, simulate
from hwsim.study.tiles import result_on_tiles
from strategies.analog_chips import MACS, VECTOR, analog_chip, analog_chips
from strategies.recipes import RECIPES

DRAWN = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
SMALL = """
{kind: rnnt, name: small, audio: 240 ms, batch: 1, precision: w8a8, joint: {size: 2, combine: concatenate, outputs: 4},
 encoder: {features: 3, frame: 20 ms, layers: 2, cells: 4}, prediction: {embedding: 2, cells: 2, layers: 1, symbols: 3},
 decoding: {kind: greedy, symbols_per_second: 20}}
"""


def roomy() -> AnalogChip:
    """A chip on which all of a small network stands, with the prices of one that is shipped."""
    priced = load_analog_chip("analog_pcm")
    link = Link(within=2000, between=5000, between_energy=Fraction(10**6))
    array = replace(analog_chip().array, input=priced.array.input)
    return analog_chip(array=array, tiles=200, link=link, energy=priced.energy, node=priced.node)


def small(precision: str = "w8a8") -> Workload:
    import yaml

    return hwsim.load_workload(yaml.safe_load(SMALL), precision=precision)


def held(result: TilesResult) -> None:
    """What must hold of every result, beside the laws of its nouns."""
    summary, chip_energy = result.summary, result.energy_by_component_aj.total
    assert sum(line.energy_aj for line in result.energy_lines) == chip_energy == summary.energy_aj
    assert sum(part.macs for part in result.parts) == summary.macs
    assert sum(part.cycles for part in result.parts) == summary.cycles
    assert sum(macs for _, macs in summary.products_by_mode) == summary.macs
    counted = {line.action: line.count for line in result.energy_lines}
    assert counted["addition of readings"] == sum(op.tile_work.additions for op in result.ops)
    written = to_json(result)
    assert hwsim.load_result(written) == result
    assert to_json(hwsim.load_result(written)) == written


@DRAWN
@given(RECIPES, analog_chips())
def test_figures_of_every_run_add_up_and_read_back(recipe: AnyRecipe, chip: AnalogChip) -> None:
    link = replace(chip.link, between_energy=Fraction(10**6))
    array = replace(chip.array, input=replace(chip.array.input, bits=8))
    chip = replace(chip, array=array, link=link)
    try:
        result = simulate(chip, workload(recipe, "w8a8"))
    except Unsupported:
        assume(False)
        raise
    held(result)


def test_the_efficiency_of_a_run_is_worked_out_from_its_counts() -> None:
    chip, work = roomy(), small()
    result = simulate(chip, work)
    joules = Fraction(result.summary.energy_aj, 10**18)
    seconds = Fraction(result.summary.cycles, chip.clock)
    found = result.efficiency
    assert found.average_power_w == pytest.approx(float(joules / seconds))
    assert found.tops_per_watt == pytest.approx(float(2 * result.summary.macs / joules / 10**12))
    assert found.utterances_per_joule == pytest.approx(float(1 / joules))
    assert result.summary.rtf == pytest.approx(float(seconds / work.audio_seconds))
    # A vector takes 127 ticks of 1 ns and 2 ns of settling, then 3 ns of conversion; 400 tiles of 4 × 4.
    spent = {line.action: line for line in result.energy_lines}
    array = chip.array
    full = {"cell, a pass": 16 * array.cells, "dac 8 bits": 4, "adc 8 bits": 4}
    taken = sum(spent[action].unit_aj * count for action, count in full.items())
    assert found.full_tile_tops_per_watt == pytest.approx(2 * 16 * 10**6 / taken)
    on_tiles = sum(op.macs for op in result.ops if op.tile_work.vectors)
    ways = ("cell", "dac", "adc", "addition", "byte to another")
    tiles = sum(line.energy_aj for line in result.energy_lines if line.action.startswith(ways))
    others = sum(op.tile_work.far_bytes + op.tile_work.link_bytes for op in result.ops if not op.tile_work.vectors)
    assert others == 0 or found.tiles_tops_per_watt > 2 * on_tiles * 10**6 / tiles
    assert found.tiles_tops_per_watt == pytest.approx(2 * on_tiles * 10**6 / tiles, rel=0.2)
    assert found.peak_tops == pytest.approx(2 * 16 * 400 / 132e-9 / 1e12)


def test_cells_at_typical_currents_take_more_in_proportion_to_inputs_and_nothing_else_does() -> None:
    chip, work = roomy(), small()
    once = simulate(chip, work)
    twice = simulate(replace(chip, typical=replace(chip.typical, input=2 * chip.typical.input)), work)
    assert twice.energy_by_component_aj.mac == pytest.approx(2 * once.energy_by_component_aj.mac, rel=1e-3)
    assert replace(twice.energy_by_component_aj, mac=0) == replace(once.energy_by_component_aj, mac=0)
    assert twice.ops[0].places == once.ops[0].places


def test_with_values_the_cells_take_what_their_currents_do() -> None:
    chip, work = roomy(), small()
    watched = list[Workload]()
    request = Request(measuring=Measuring(sources=Sources()))
    found = run(chip, work, request, files={}, watch=lambda _chip, seen, _planned: watched.append(seen))
    assert [seen.program for seen in watched] == [work.program]  # its timeline can be written, with values too
    assert found.quality is not None
    assert found.quality.accumulators == "analog tiles of small"
    assert found.cells_measured
    assert not simulate(chip, work).cells_measured
    typical = simulate(chip, work)
    assert replace(found.energy_by_component_aj, mac=0) == replace(typical.energy_by_component_aj, mac=0)
    assert found.energy_by_component_aj.mac != typical.energy_by_component_aj.mac
    held(found)


def test_what_cells_took_for_a_vector_is_paid_for_each_vector() -> None:
    chip, work = roomy(), small()
    on_tiles = [op for op in simulate(chip, work).ops if op.tile_work.vectors]
    each = {op.name: Fraction(place + 1, 3) * 10**6 for place, op in enumerate(on_tiles)}
    found = result_on_tiles(chip, work, cells_per_vector_aj=each)
    wanted = sum(round(each[op.name] * op.tile_work.vectors) for op in on_tiles)
    assert found.energy_by_component_aj.mac == wanted
    with pytest.raises(Unsupported, match=r"ran on no values, so that its currents are not known"):
        result_on_tiles(chip, work, cells_per_vector_aj={})


def test_more_tiles_than_a_network_needs_change_its_silicon_and_its_leakage_alone() -> None:
    chip, work = roomy(), small()
    found, roomier = simulate(chip, work), simulate(replace(chip, tiles=300), work)
    assert roomier.summary.cycles == found.summary.cycles
    assert roomier.area.total_mm2 > found.area.total_mm2
    assert roomier.energy_by_component_aj.leakage > found.energy_by_component_aj.leakage
    assert roomier.energy_by_component_aj.mac == found.energy_by_component_aj.mac


def test_precisions_are_compared_side_by_side_without_a_waterfall() -> None:
    chip, work = roomy(), small()
    comparison = compare(chip, work, ("w8a8", "w4a4"))
    first, last = comparison.rows
    assert (comparison.waterfall, comparison.ops, first.speedup) == ((), (), 1.0)
    assert last.cycles == simulate(chip, small("w4a4")).summary.cycles
    assert last.model_bytes < first.model_bytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"point": "slow"}, "point on small: its weights stand on tiles, which leaves no such choice; leave it out"),
        ({"power_cap": 1.0}, "power_cap on small: its weights stand on tiles"),
        ({"objective": Objective.EDP}, "objective on small: its weights stand on tiles"),
        ({"objective": "energy"}, "objective on small: its weights stand on tiles"),
        ({"measured": Measured(zero_products=(("a", 1),))}, "zero products on small: tiles gate none of them"),
    ],
)
def test_choices_that_tiles_do_not_have_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        simulate(roomy(), small(), **options)  # type: ignore[call-overload]


def test_an_op_that_is_not_there_cannot_be_explained() -> None:
    with pytest.raises(UnknownName, match=r"unknown op 'joint\.hiden'; did you mean joint\.hidden"):
        simulate(roomy(), small(), explained="joint.hiden")


def test_a_chip_whose_lanes_lack_what_a_network_needs_is_refused_before_anything_is_placed() -> None:
    bare = replace(VECTOR, cycles=VECTOR.cycles[:1], macs_per_lane=MACS)
    with pytest.raises(Unsupported, match=r"the vector unit has no .*; it has add"):
        simulate(replace(roomy(), vector=bare), small())


def test_a_run_refuses_operands_that_tiles_do_not_take_as_its_values_would() -> None:
    chip = roomy()
    ranged = replace(chip, array=replace(chip.array, input=replace(chip.array.input, scaling=Scaling.RANGE)))
    with pytest.raises(Unsupported, match="multiplies fp16, which has no full scale; a tile takes them with"):
        simulate(ranged, small("fp16"))
    unsigned = replace(chip.array.input, signed=False, range=(0.0, 1.0))
    with pytest.raises(Unsupported, match="on tiles whose inputs have no sign"):
        simulate(replace(chip, array=replace(chip.array, input=unsigned)), small())


def test_an_object_that_is_no_chip_is_refused() -> None:
    with pytest.raises(InvalidValue, match="must be a Chip"):
        simulate("analog_pcm", small())  # type: ignore[call-overload]


def test_the_frame_and_the_files_of_a_run_have_a_row_for_each_op() -> None:
    result = simulate(roomy(), small())
    frame = hwsim.to_frame(result)
    assert list(frame["name"]) == [op.name for op in result.ops]
    assert frame["tiles.busy"].sum() == sum(unit.busy for unit in result.units if unit.name.startswith("tiles"))
    files = run_files(result)
    assert len(files["ops.csv"].splitlines()) == len(result.ops) + 1
    assert len(files["placement.csv"].splitlines()) == sum(len(m.parts) for m in result.placement.matrices) + 1
    assert len(files["units.csv"].splitlines()) == len(result.units) + 1


def test_json_has_exactly_the_documented_keys() -> None:
    document = json.loads(to_json(simulate(roomy(), small())))
    assert list(document) == [
        "summary",
        "efficiency",
        "placement",
        "parts",
        "ops",
        "units",
        "kept_bytes",
        "streamed",
        "energy_by_component_aj",
        "cells_measured",
        "prices",
        "energy_lines",
        "area",
        "operation",
        "streaming",
        "provenance",
        "explained",
        "quality",
        "band",
        "changed",
        "exact",
    ]
    page = (ROOT / "docs" / "report.md").read_text().partition("## Runs on analog tiles")[2]
    shown = set(re.findall(r"`(\w+)`", page))
    nested = [document["efficiency"], document["placement"], document["ops"][0], document["units"][0], document["area"]]
    nested += [document["ops"][0]["tile_work"], document["ops"][0]["places"][0], document["placement"]["matrices"][0]]
    assert {key for one in nested for key in one} - {"place"} <= shown


def test_a_chip_with_other_values_is_the_chip_that_its_file_would_describe() -> None:
    chip = load_analog_chip("analog_pcm").with_(**{"array.phases.tick": "1 ns", "link.between": "1.2 us"})
    assert chip.array.phases is not None
    assert (chip.array.phases.tick, chip.link.between) == (1000, 1_200_000)
    assert dict(chip.sources)["array.phases.tick"] == "caller: with_ array.phases.tick = '1 ns'"

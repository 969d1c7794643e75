"""One run of a workload on a chip of analog tiles, from its program to its result."""

from collections.abc import Mapping
from fractions import Fraction

from hwsim.errors import UnknownName, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.analog.work import matrix_work
from hwsim.inputs.chips import prices_of
from hwsim.ir.workload import Workload
from hwsim.mapping.tiles.run import planned_on_tiles
from hwsim.price.book import PriceBook
from hwsim.price.tile_area import analog_areas
from hwsim.price.tile_prices import AnalogTariff, spent
from hwsim.price.tiles_energy import TilesEnergy, tiles_energy
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.registry import IdentityCache
from hwsim.results.figures import Operation, ratio
from hwsim.results.measured import NOTHING, Measured
from hwsim.results.quality import Quality
from hwsim.results.result import PartResult, Summary
from hwsim.results.tiles_result import TilesEfficiency, TilesOpResult, TilesResult
from hwsim.schedule.tiles_run import OpOnTiles, TilesRun
from hwsim.study.efficiency import ATTO, TERA, standby_of
from hwsim.study.facts import Facts, check_functions, facts_of
from hwsim.study.outcome import VECTOR_UNIT, parts_of, summary_of
from hwsim.study.provenance import provenance_of
from hwsim.study.streaming import streaming_of
from hwsim.timing.tile import vector_time

TILES = "analog tiles"

_RUNS = IdentityCache[TilesRun](most=2)
"""The last runs, for whoever asks for another result of the same run, such as one with measurements."""


def simulate_on_tiles(
    chip: AnalogChip,
    workload: Workload,
    given: Mapping[str, object],
    *,
    measured: Measured = NOTHING,
    cells_per_vector_aj: Mapping[str, Fraction] | None = None,
    explained: str | None = None,
    files: Mapping[str, str] | None = None,
) -> TilesResult:
    """Run a workload on a chip of tiles; what is `given` of a choice that such a chip does not have is refused.

    Where values were computed, `cells_per_vector_aj` is what the cells of each op took for one of its vectors.
    """
    for name, value in given.items():
        if value not in (None, Objective.LATENCY, Objective.LATENCY.value):
            law = "its weights stand on tiles, which leaves no such choice; leave it out"
            raise Unsupported(f"{name} on {chip.name}: {law}")
    if measured.zero_products:
        raise Unsupported(f"zero products on {chip.name}: tiles gate none of them; leave --zero-gating out")
    if explained is not None and explained not in (ran := [op.name for op in run_on_tiles(chip, workload).ops]):
        raise UnknownName("op", explained, ran)
    quality = measured.quality
    return result_on_tiles(
        chip, workload, quality=quality, cells_per_vector_aj=cells_per_vector_aj, explained=explained, files=files
    )


def run_on_tiles(chip: AnalogChip, workload: Workload) -> TilesRun:
    """Where the weights of a workload stand on a chip, and when its ops run there."""
    check_functions(workload.program, chip)
    return _RUNS.of(chip, workload.program, make=lambda: planned_on_tiles(workload.program, chip))


def result_on_tiles(
    chip: AnalogChip,
    workload: Workload,
    *,
    quality: Quality | None = None,
    cells_per_vector_aj: Mapping[str, Fraction] | None = None,
    explained: str | None = None,
    files: Mapping[str, str] | None = None,
) -> TilesResult:
    """The result of a run; `quality`, and what the cells of each op took for a vector, are those of its values."""
    table = prices_of(chip)
    book = PriceBook(chip, table)
    tariff = AnalogTariff.of(book)  # what cannot be priced need not be placed
    if workload.lengths is not None:
        raise Unsupported(f"{workload.name} on {chip.name}: lengths are not run on analog tiles; leave them out")
    run, facts = run_on_tiles(chip, workload), facts_of(workload)
    cells_aj = None if cells_per_vector_aj is None else _cells(run, cells_per_vector_aj)
    energy = tiles_energy(run, tariff, cells_aj)
    technology = book.technology
    return TilesResult(
        summary=_summary(chip, workload, run, energy, facts),
        efficiency=_efficiency(workload, run, energy, tariff, cells_aj),
        placement=run.placement,
        parts=_parts(run, energy, facts),
        ops=tuple(_op(op, energy, place) for place, op in enumerate(run.ops)),
        units=run.units,
        kept_bytes=run.kept_bytes,
        streamed=run.streamed,
        energy_by_component_aj=energy.total,
        cells_measured=cells_aj is not None,
        prices=tariff.prices,
        energy_lines=energy.lines,
        area=analog_areas(chip, tariff.area),
        operation=Operation(
            point=None,
            node=technology.node,
            voltage=technology.voltage,
            memory_voltage=technology.memory_voltage,
            asked_clock=chip.clock,
            clock=chip.clock,
            power_cap=None,
            objective=Objective.LATENCY,
        ),
        streaming=streaming_of(workload),
        provenance=provenance_of(chip, workload, table, files or {}),
        explained=explained,
        quality=quality,
    )


def _cells(run: TilesRun, per_vector_aj: Mapping[str, Fraction]) -> dict[str, int]:
    """What the cells of each op on tiles took for all its vectors, by what they took for one of the values."""
    on_tiles = [op for op in run.ops if op.tile_work.vectors]
    for op in on_tiles:
        if op.name not in per_vector_aj:
            raise Unsupported(f"{op.name}: ran on no values, so that its currents are not known; give a longer input")
    return {op.name: round(per_vector_aj[op.name] * op.tile_work.vectors) for op in on_tiles}


def _summary(chip: AnalogChip, workload: Workload, run: TilesRun, energy: TilesEnergy, facts: Facts) -> Summary:
    kept = sum(unit.busy for unit in run.units if unit.name.startswith("tiles"))
    servers = sum(unit.servers for unit in run.units if unit.name.startswith("tiles"))
    share = ratio(kept, servers * run.cycles)
    return summary_of(
        chip,
        workload,
        facts,
        cycles=run.cycles,
        energy_aj=energy.total.total,
        products_by_mode={TILES: analog_macs(run), VECTOR_UNIT: run.macs - analog_macs(run)},
        widened_macs=0,
        utilization=share,
        reachable_utilization=share,
        dram_read_bytes=run.work.dram_read_bytes,
        dram_write_bytes=run.work.dram_write_bytes,
    )


def analog_macs(run: TilesRun) -> int:
    """The products that tiles make."""
    return sum(op.work.macs for op in run.ops if op.tile_work.vectors)


def _efficiency(
    workload: Workload,
    run: TilesRun,
    energy: TilesEnergy,
    tariff: AnalogTariff,
    cells_aj: Mapping[str, int] | None,
) -> TilesEfficiency:
    chip, tile = tariff.book.chip, tariff.book.chip.array
    seconds = chip.latency(run.cycles, workload.host_seconds)
    joules = Fraction(energy.total.total, ATTO)
    on_tiles = [(op, None if cells_aj is None else cells_aj[op.name]) for op in run.ops if op.tile_work.vectors]
    tiles_aj = sum(spent(tariff.charges(op.tile_work, cells_aj=cells)).total for op, cells in on_tiles)
    full_aj = spent(tariff.charges(matrix_work(tile, tile.rows, tile.cols))).total
    full_operations = 2 * tile.rows * tile.cols
    interval = Fraction(vector_time(tile).interval, 10**12)
    duty, standby = standby_of(chip, tariff.static, run.cycles, workload)
    return TilesEfficiency(
        average_power_w=ratio(joules, seconds),
        tops=ratio(2 * run.macs, seconds * TERA),
        peak_tops=ratio(full_operations * chip.tiles * chip.chips, interval * TERA),
        full_tile_tops_per_watt=ratio(full_operations, Fraction(full_aj, ATTO) * TERA),
        tiles_tops_per_watt=ratio(2 * analog_macs(run), Fraction(tiles_aj, ATTO) * TERA),
        tops_per_watt=ratio(2 * run.macs, joules * TERA),
        energy_per_audio_second_mj=ratio(joules * 1000, Fraction(workload.audio_seconds) * workload.utterances),
        standby_per_audio_second_mj=standby,
        duty_cycle=duty,
        utterances_per_joule=ratio(workload.utterances, joules),
        energy_delay_js=float(joules * seconds),
    )


def _parts(run: TilesRun, energy: TilesEnergy, facts: Facts) -> tuple[PartResult, ...]:
    counts = (
        (op.work.macs, op.cycles, op.work.dram_read_bytes, op.work.dram_write_bytes, components.total)
        for op, components in zip(run.ops, energy.of_ops, strict=True)
    )
    return parts_of([op.name for op in run.ops], counts, facts)


def _op(op: OpOnTiles, energy: TilesEnergy, place: int) -> TilesOpResult:
    components = energy.of_ops[place]
    return TilesOpResult(
        name=op.name,
        kind=op.kind,
        place=op.place,
        chip=op.chip,
        times=op.times,
        rows=op.rows,
        macs=op.work.macs,
        cycles=op.cycles,
        first_start=op.first_start,
        last_end=op.last_end,
        places=op.places,
        work=op.work,
        tile_work=op.tile_work,
        energy_aj=components.total,
        energy_by_component_aj=components,
    )

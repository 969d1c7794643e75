"""The result of a run, from the integers of its counters and energies."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from hwsim.dataclass import dataclass
from hwsim.hardware.chip import Chip, Machine
from hwsim.hardware.prices import PriceTable
from hwsim.ir.workload import Size, Workload, part_of
from hwsim.mapping.run_columns import RunColumns
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective
from hwsim.quantities.rows import Rows
from hwsim.results.figures import Components, ratio, reachable_peak
from hwsim.results.measured import Measured
from hwsim.results.result import OpResult, PartResult, Result, Summary
from hwsim.schedule.counters import OpCounters
from hwsim.study.diagnosis import diagnose
from hwsim.study.efficiency import areas, efficiency, operation
from hwsim.study.facts import Facts, OperandBits, facts_of
from hwsim.study.priced_run import PricedRun
from hwsim.study.provenance import provenance_of
from hwsim.study.streaming import streaming_of

VECTOR_UNIT = "vector unit"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions under which a run was asked for: chip, prices, operating point, clock, power cap, objective, and
    the hashes of the files."""

    given: Chip
    table: PriceTable
    point: str | None
    asked_clock: int
    power_cap: Fraction | None
    objective: Objective
    files: Mapping[str, str]


def result(workload: Workload, run: PricedRun, measured: Measured, asked: Conditions) -> Result:
    """The result of a run under the conditions `asked`; every ratio is taken once, from integers."""
    chip, columns, facts = run.chip, run.columns, facts_of(workload)
    return Result(
        summary=run_summary(workload, run, facts),
        diagnosis=diagnose(chip, workload, run.planned.candidate, columns),
        parts=_parts(run, facts),
        ops=Rows(len(columns.names), lambda: _op_results(run, facts)),
        counters=run.total,
        unrolled_iterations=columns.unrolled_iterations,
        tensors=Rows(run.planned.tensors, lambda: iter(run.planned.placements)),
        energy_by_component_aj=run.energy.components,
        prices=run.energy.prices,
        energy_lines=run.energy.lines,
        efficiency=efficiency(workload, run),
        area=areas(run.tariff),
        operation=operation(run.tariff.book, asked.point, asked.asked_clock, asked.power_cap, asked.objective),
        streaming=streaming_of(workload),
        folded=facts.folded,
        provenance=provenance_of(asked.given, workload, asked.table, asked.files),
        quality=measured.quality,
    )


def _parts(run: PricedRun, facts: Facts) -> tuple[PartResult, ...]:
    columns = run.columns
    counts = zip(
        columns.macs,
        columns.op_cycles.tolist(),
        columns.work("dram_read_bytes"),
        columns.work("dram_write_bytes"),
        run.energy.of_ops.sum(axis=1).tolist(),
        strict=True,
    )
    return parts_of(columns.names, counts, facts)


def parts_of(names: Iterable[str], counts: Iterable[tuple[int, ...]], facts: Facts) -> tuple[PartResult, ...]:
    """The sums of each part, in the order in which parts first run; parts that never run come last.

    The counts of each op are its products, its cycles, the bytes that it reads and writes in DRAM, and its energy.
    """
    sums = dict[str, list[int]]()
    for name, op_counts in zip(names, counts, strict=True):
        before = sums.get(part := part_of(name))
        sums[part] = [*op_counts] if before is None else [old + new for old, new in zip(before, op_counts, strict=True)]
    parts = []
    for part in dict.fromkeys([*sums, *facts.sizes]):
        macs, cycles, read, written, energy_aj = sums.get(part, [0] * 5)
        size = facts.sizes.get(part, Size(0, 0))
        parts.append(
            PartResult(
                name=part,
                parameters=size.parameters,
                model_bytes=size.stored_bytes,
                macs=macs,
                cycles=cycles,
                dram_read_bytes=read,
                dram_write_bytes=written,
                energy_aj=energy_aj,
            )
        )
    return tuple(parts)


def _op_results(run: PricedRun, facts: Facts) -> Iterator[OpResult]:
    for op, components in zip(run.ops, run.energy.by_op(), strict=True):
        split = run.planned.candidate.split_of(op.name)
        yield _op_result(run.chip, op, components, facts.widths.get(op.name), split)


def _op_result(
    chip: Chip, op: OpCounters, components: Components, bits: OperandBits | None, split: str | None
) -> OpResult:
    work = op.work
    return OpResult(
        name=op.name,
        kind=op.kind,
        times=op.times,
        mode=op.mode,
        macs=op.macs,
        cycles=op.cycles,
        busy_cycles=op.busy,
        stall_cycles=op.stalls,
        bound=op.bound,
        limit=op.limit,
        port_bound_cycles=op.port_bound,
        span=op.span,
        utilization=ratio(_cycles_at_peak(chip, op), op.span),
        reachable_utilization=ratio(_cycles_at_reachable_peak(chip, op, bits), op.span),
        dram_read_bytes=work.dram_read_bytes,
        dram_write_bytes=work.dram_write_bytes,
        scratchpad_read_bytes=work.scratchpad_read_bytes,
        scratchpad_write_bytes=work.scratchpad_write_bytes,
        energy_aj=components.total,
        energy_by_component_aj=components,
        exchange_bytes=work.exchange_bytes,
        bank_conflict_cycles=op.bank_conflict_cycles,
        split=split,
    )


def _cycles_at_peak(chip: Chip, op: OpCounters) -> Fraction:
    """How long the array's products would take at its peak rate."""
    if op.mode is None:
        return Fraction(0)
    return Fraction(op.work.macs, chip.macs_per_cycle(op.mode))


def _cycles_at_reachable_peak(chip: Chip, op: OpCounters, bits: OperandBits | None) -> Fraction:
    """How long the products would take with operands that come as fast as the scratchpad's port passes them."""
    if op.mode is None or bits is None:
        return Fraction(0)
    return op.work.macs / (chip.cores * reachable_peak(chip, op.mode, *bits).reachable_macs_per_cycle)


def run_summary(workload: Workload, run: PricedRun, facts: Facts) -> Summary:
    """The headline of a run."""
    chip, total = run.chip, run.total
    at_peak = (Fraction(macs, chip.macs_per_cycle(mode)) for mode, macs in run.products.items())
    return summary_of(
        chip,
        workload,
        facts,
        cycles=total.cycles,
        energy_aj=run.energy.components.total,
        products_by_mode=_products_by_mode(run.columns),
        widened_macs=_widened_macs(run.columns, facts.widths),
        dispatched=run.columns.dispatched if chip.dispatch else 0,
        utilization=float(sum(at_peak) / total.cycles),
        reachable_utilization=float(_cycles_at_all_reachable_peaks(run, facts.widths) / total.cycles),
        dram_read_bytes=total.work.dram_read_bytes,
        dram_write_bytes=total.work.dram_write_bytes,
    )


def summary_of(
    chip: Machine,
    workload: Workload,
    facts: Facts,
    *,
    cycles: int,
    energy_aj: int,
    products_by_mode: Mapping[str, int],
    widened_macs: int,
    utilization: float,
    reachable_utilization: float,
    dram_read_bytes: int,
    dram_write_bytes: int,
    dispatched: int = 0,
) -> Summary:
    """The headline of a run on any chip; every product is made in one of the modes or places of `products_by_mode`."""
    seconds = chip.latency(cycles, workload.host_seconds, dispatched)
    size, fused = facts.size, facts.fused_size
    compression = size.compression_vs_fp32
    return Summary(
        chip=chip.name,
        workload=workload.name,
        precision=workload.formats,
        batch=workload.batch,
        cycles=cycles,
        latency_ms=float(seconds * 1000),
        host_ms=float(workload.host_seconds * 1000),
        audio_seconds=float(workload.audio_seconds),
        rtf=float(seconds / workload.audio_seconds),
        throughput_rtf=float(seconds / (workload.audio_seconds * workload.utterances)),
        energy_aj=energy_aj,
        energy_mj=float(Fraction(energy_aj, 10**15)),
        macs=sum(products_by_mode.values()),
        products_by_mode=sorted_pairs({name: macs for name, macs in products_by_mode.items() if macs}),
        widened_macs=widened_macs,
        utilization=utilization,
        reachable_utilization=reachable_utilization,
        dram_read_bytes=dram_read_bytes,
        dram_write_bytes=dram_write_bytes,
        parameters=size.parameters,
        model_bytes=size.stored_bytes,
        compression_vs_fp32=None if compression is None else float(compression),
        lm_parameters=fused.parameters,
        lm_bytes=fused.stored_bytes,
        launch_ms=float(chip.starting(dispatched) * 1000),
        dispatch_ms=float((chip.starting(dispatched) - chip.starting(0)) * 1000),
        dispatched=dispatched,
    )


def _cycles_at_all_reachable_peaks(run: PricedRun, widths: Mapping[str, OperandBits]) -> Fraction:
    """The sum of the cycles of all ops with operands that come as fast as the scratchpad's port passes them."""
    columns, products = run.columns, Counter[tuple[int, OperandBits]]()
    for name, mode, macs in zip(columns.names, columns.mode_of.tolist(), columns.work("macs"), strict=True):
        if macs and name in widths and columns.modes[mode] is not None:
            products[mode, widths[name]] += macs
    cycles = Fraction(0)
    for (place, bits), macs in products.items():
        mode = columns.modes[place]
        assert mode is not None
        cycles += macs / (run.chip.cores * reachable_peak(run.chip, mode, *bits).reachable_macs_per_cycle)
    return cycles


def _products_by_mode(columns: RunColumns) -> dict[str, int]:
    """The products in each mode of the array, and beside them the products that the vector unit makes."""
    products = [0] * len(columns.modes)
    for place, macs in zip(columns.mode_of.tolist(), columns.macs, strict=True):
        products[place] += macs
    names = [VECTOR_UNIT if mode is None else mode.value for mode in columns.modes]
    return dict(zip(names, products, strict=True))


def _widened_macs(columns: RunColumns, widths: Mapping[str, OperandBits]) -> int:
    """Products in a mode wider than both of their operands, because the array has no mode of their width."""
    bits = [0 if mode is None else mode.bits for mode in columns.modes]
    ops = zip(columns.names, columns.mode_of.tolist(), columns.macs, strict=True)
    return sum(macs for name, place, macs in ops if bits[place] and bits[place] > max(widths[name]))

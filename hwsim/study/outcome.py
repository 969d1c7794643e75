"""The result of a run, from the integers of its counters and energies."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.ir.ops import Conv, Gemm
from hwsim.ir.program import Program
from hwsim.ir.workload import Size, Workload, part_of
from hwsim.quantities.noun import sorted_pairs
from hwsim.quantities.plain_data import Objective, fingerprint, sources_of
from hwsim.results.figures import Components, Energy, ratio, reachable_peak
from hwsim.results.measured import Measured
from hwsim.results.result import Engine, OpResult, PartResult, Provenance, Result, StreamingResult, Summary
from hwsim.schedule.counters import Counters, OpCounters, RunCounters
from hwsim.schedule.schedule import Schedule
from hwsim.study.diagnosis import diagnose
from hwsim.study.efficiency import areas, efficiency, operation

VECTOR_UNIT = "vector unit"

OperandBits = tuple[int, int]
"""Bits of an activation and of a weight as they enter the array."""


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


def result(
    chip: Chip,
    workload: Workload,
    schedule: Schedule,
    counters: RunCounters,
    energy: Energy,
    measured: Measured,
    asked: Conditions,
) -> Result:
    """The result of a run under the conditions `asked`; every ratio is taken once, from integers."""
    pairs = zip(counters.ops, energy.ops, strict=True)
    widths = _operand_bits(workload.program)
    ops = tuple(_op_result(chip, op, op_energy.components, widths.get(op.name)) for op, op_energy in pairs)
    return Result(
        summary=_summary(chip, workload, counters.ops, counters.total, energy.components.total, widths),
        diagnosis=diagnose(chip, workload, schedule, counters.ops),
        parts=_parts(workload, ops),
        ops=ops,
        counters=counters.total,
        unrolled_iterations=counters.unrolled_iterations,
        tensors=schedule.placements,
        energy_by_component_aj=energy.components,
        prices=energy.prices,
        energy_lines=energy.lines,
        efficiency=efficiency(chip, asked.table, workload, counters.ops, counters.total.cycles, energy),
        area=areas(chip, asked.table),
        operation=operation(chip, asked.table, asked.point, asked.asked_clock, asked.power_cap, asked.objective),
        streaming=_streaming(workload),
        provenance=_provenance(asked.given, workload, asked.table, asked.files),
        quality=measured.quality,
    )


def _streaming(workload: Workload) -> StreamingResult | None:
    stream = workload.streaming
    if stream is None:
        return None
    chunk, padding, repeated = (
        float(Fraction(length, 10**12)) for length in (stream.chunk, stream.padding, stream.repeated)
    )
    return StreamingResult(
        chunks=stream.chunks,
        chunk_seconds=chunk,
        padding_seconds=padding,
        repeated_seconds=repeated,
        symbols=stream.symbols,
    )


def _parts(workload: Workload, ops: Sequence[OpResult]) -> tuple[PartResult, ...]:
    """The sums of each part, in the order in which parts first run; parts that never run come last."""
    sizes = workload.sizes
    parts = []
    for name in dict.fromkeys([*(part_of(op.name) for op in ops), *sizes]):
        part_ops = [op for op in ops if part_of(op.name) == name]
        size = sizes.get(name, Size(0, 0))
        parts.append(
            PartResult(
                name=name,
                parameters=size.parameters,
                model_bytes=size.stored_bytes,
                macs=sum(op.macs for op in part_ops),
                cycles=sum(op.cycles for op in part_ops),
                dram_read_bytes=sum(op.dram_read_bytes for op in part_ops),
                dram_write_bytes=sum(op.dram_write_bytes for op in part_ops),
                energy_aj=sum(op.energy_aj for op in part_ops),
            )
        )
    return tuple(parts)


def _provenance(chip: Chip, workload: Workload, table: PriceTable, files: Mapping[str, str]) -> Provenance:
    """Versions of packages, and hashes and sources of all inputs."""
    versions = {package: version(package) for package in ("hwsim", "numpy", "numba")}
    # A program without a recipe describes itself.
    described = workload.program if workload.recipe is None else workload.recipe
    inputs = {"chip": fingerprint(chip), "workload": fingerprint(described), "prices": fingerprint(table)}
    sources = {f"chip.{field}": source for field, source in sources_of(chip, chip.sources).items()}
    recipe = workload.recipe
    if recipe is not None:
        sources |= {f"workload.{field}": source for field, source in sources_of(recipe, recipe.sources).items()}
    return Provenance(
        versions=sorted_pairs({**versions, "python": platform.python_version()}),
        inputs=sorted_pairs({**inputs, "precision": fingerprint(workload.precision)}),
        files=sorted_pairs(files),
        sources=sorted_pairs(sources),
        engine=Engine.FAST,
        seed=None,
    )


def _operand_bits(program: Program) -> dict[str, OperandBits]:
    """The bits of each matrix product, by name; weights that are dequantised enter in the format of the activations."""
    bits = {}
    for placed in program.placed():
        if isinstance(placed.op, (Gemm, Conv)):
            act = program.tensor(placed.op.act.tensor).precision
            weight = program.tensor(placed.op.weight.tensor).precision
            bits[placed.op.name] = act.bits, act.bits if act.floating else weight.bits
    return bits


def _op_result(chip: Chip, op: OpCounters, components: Components, bits: OperandBits | None) -> OpResult:
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
    )


def _cycles_at_peak(chip: Chip, op: OpCounters) -> Fraction:
    """How long the array's products would take at its peak rate."""
    return Fraction(0) if op.mode is None else Fraction(op.work.macs, chip.array.macs_per_cycle(op.mode))


def _cycles_at_reachable_peak(chip: Chip, op: OpCounters, bits: OperandBits | None) -> Fraction:
    """How long the products would take with operands that come as fast as the scratchpad's port passes them."""
    if op.mode is None or bits is None:
        return Fraction(0)
    return op.work.macs / reachable_peak(chip, op.mode, *bits).reachable_macs_per_cycle


def _summary(
    chip: Chip,
    workload: Workload,
    counters: Sequence[OpCounters],
    total: Counters,
    energy_aj: int,
    widths: Mapping[str, OperandBits],
) -> Summary:
    seconds = Fraction(total.cycles, chip.clock) + workload.host_seconds
    size, fused = workload.size, workload.fused_size
    compression = size.compression_vs_fp32
    return Summary(
        chip=chip.name,
        workload=workload.name,
        precision=workload.precision.title,
        batch=workload.batch,
        cycles=total.cycles,
        latency_ms=float(seconds * 1000),
        host_ms=float(workload.host_seconds * 1000),
        audio_seconds=float(workload.audio_seconds),
        rtf=float(seconds / workload.audio_seconds),
        throughput_rtf=float(seconds / (workload.audio_seconds * workload.utterances)),
        energy_aj=energy_aj,
        energy_mj=float(Fraction(energy_aj, 10**15)),
        macs=sum(op.macs for op in counters),
        products_by_mode=_products_by_mode(counters),
        widened_macs=_widened_macs(widths, counters),
        utilization=float(sum(_cycles_at_peak(chip, op) for op in counters) / total.cycles),
        reachable_utilization=float(
            sum(_cycles_at_reachable_peak(chip, op, widths.get(op.name)) for op in counters) / total.cycles
        ),
        dram_read_bytes=total.work.dram_read_bytes,
        dram_write_bytes=total.work.dram_write_bytes,
        parameters=size.parameters,
        model_bytes=size.stored_bytes,
        compression_vs_fp32=None if compression is None else float(compression),
        lm_parameters=fused.parameters,
        lm_bytes=fused.stored_bytes,
    )


def _products_by_mode(ops: Iterable[OpCounters]) -> tuple[tuple[str, int], ...]:
    """The products in each mode of the array, and beside them the products that the vector unit makes."""
    products: Counter[str] = Counter()
    for op in ops:
        if op.macs:
            products[VECTOR_UNIT if op.mode is None else op.mode.value] += op.macs
    return sorted_pairs(products)


def _widened_macs(widths: Mapping[str, tuple[int, int]], ops: Iterable[OpCounters]) -> int:
    """Products in a mode wider than both of their operands, because the array has no mode of their width.

    `widths` are the bits of the two operands of each product, by the name of its op.
    """
    return sum(op.macs for op in ops if op.mode is not None and op.mode.bits > max(widths[op.name]))

"""One run: a workload on a chip, from its program to its result."""

import platform
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.metadata import version

from hwsim.core.chip import Chip
from hwsim.core.counters import Counters, OpCounters
from hwsim.core.energy import Components, Energy
from hwsim.core.noun import sorted_pairs
from hwsim.core.plain import fingerprint
from hwsim.core.prices import PriceTable
from hwsim.core.progress import Progress, no_progress
from hwsim.core.result import OpResult, Provenance, Result, Summary
from hwsim.core.schedule import OpSchedule, Schedule
from hwsim.core.workload import Workload
from hwsim.engine.digital import ENGINE, run
from hwsim.inputs.load import load_prices
from hwsim.mapping.schedule import schedule
from hwsim.price.price import price


def simulate(
    chip: Chip, workload: Workload, *, files: Mapping[str, str] | None = None, progress: Progress = no_progress
) -> Result:
    """Run a workload on a chip. `files` are hashes of the files that they came from, for the provenance."""
    table = chip.energy if isinstance(chip.energy, PriceTable) else load_prices(chip.energy)
    plan = schedule(workload.program, chip)
    counters = run(plan, progress)
    energy = price(counters, plan, chip, table)
    return _result(chip, workload, plan, counters, energy, _provenance(chip, workload, table, files or {}))


def _result(
    chip: Chip,
    workload: Workload,
    plan: Schedule,
    counters: Sequence[OpCounters],
    energy: Energy,
    provenance: Provenance,
) -> Result:
    total = sum((op.counters for op in counters), Counters(cycles=0))
    ops = tuple(
        _op_result(chip, op, op_counters, op_energy.components)
        for op, op_counters, op_energy in zip(plan.ops, counters, energy.ops, strict=True)
    )
    return Result(
        summary=_summary(chip, workload, plan, counters, total, energy),
        ops=ops,
        counters=total,
        energy_by_component_aj=energy.components,
        prices=energy.prices,
        provenance=provenance,
    )


def _op_result(chip: Chip, op: OpSchedule, counters: OpCounters, components: Components) -> OpResult:
    work, cycles = counters.counters.work, counters.counters.cycles
    return OpResult(
        name=op.name,
        kind=op.kind,
        times=op.times,
        mode=op.mode,
        macs=work.macs,
        cycles=cycles,
        busy_cycles=counters.counters.busy,
        stall_cycles=counters.counters.stalls,
        bound=counters.bound,
        utilization=float(_array_cycles_at_peak(chip, op, work.macs) / cycles),
        dram_read_bytes=work.dram_read_bytes,
        dram_write_bytes=work.dram_write_bytes,
        scratchpad_read_bytes=work.scratchpad_read_bytes,
        scratchpad_write_bytes=work.scratchpad_write_bytes,
        energy_aj=components.total,
        energy_by_component_aj=components,
    )


def _array_cycles_at_peak(chip: Chip, op: OpSchedule, macs: int) -> Fraction:
    """How long the products would take if every processing element worked in every cycle."""
    return Fraction(0) if op.mode is None else Fraction(macs, chip.array.macs_per_cycle(op.mode))


def _summary(
    chip: Chip, workload: Workload, plan: Schedule, counters: Sequence[OpCounters], total: Counters, energy: Energy
) -> Summary:
    seconds = Fraction(total.cycles, chip.clock)
    at_peak = sum(
        _array_cycles_at_peak(chip, op, done.counters.work.macs) for op, done in zip(plan.ops, counters, strict=True)
    )
    energy_aj = energy.components.total
    program, compression = workload.program, workload.compression_vs_fp32
    return Summary(
        chip=chip.name,
        workload=workload.name,
        precision=workload.precision.policy,
        batch=workload.batch,
        cycles=total.cycles,
        latency_ms=float(seconds * 1000),
        audio_seconds=float(workload.audio_seconds),
        rtf=float(seconds / workload.audio_seconds),
        energy_aj=energy_aj,
        energy_mj=float(Fraction(energy_aj, 10**15)),
        macs=total.work.macs,
        utilization=float(at_peak / total.cycles),
        dram_read_bytes=total.work.dram_read_bytes,
        dram_write_bytes=total.work.dram_write_bytes,
        parameters=program.parameters,
        model_bytes=program.model_bytes,
        compression_vs_fp32=None if compression is None else float(compression),
    )


def _provenance(chip: Chip, workload: Workload, table: PriceTable, files: Mapping[str, str]) -> Provenance:
    versions = {package: version(package) for package in ("hwsim", "numpy", "numba")}
    inputs = {"chip": fingerprint(chip), "workload": fingerprint(workload.recipe), "prices": fingerprint(table)}
    return Provenance(
        versions=sorted_pairs({**versions, "python": platform.python_version()}),
        inputs=sorted_pairs(inputs | {"precision": fingerprint(workload.precision)}),
        files=sorted_pairs(files),
        engine=ENGINE,
        seed=None,
    )

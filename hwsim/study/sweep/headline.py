"""The headline figures of a planned run from its columns, without the nouns of a result; each as a result has it."""

from fractions import Fraction

import numpy as np

from hwsim.ir.workload import Workload
from hwsim.results.figures import ratio
from hwsim.results.headline_figures import Headline
from hwsim.study.efficiency import ATTO, TERA
from hwsim.study.facts import facts_of
from hwsim.study.priced_run import PricedRun

Counts = tuple[int, int, int, int]
"""Cycles, attojoules, and the bytes that were read and written in DRAM."""


def counts_of(run: PricedRun) -> Counts:
    """The counts of a run."""
    columns = run.columns
    read, written = (sum(columns.work(name)) for name in ("dram_read_bytes", "dram_write_bytes"))
    return columns.cycles, sum(sum(row) for row in run.energy.of_ops.tolist()), read, written


def headline_of_run(work: Workload, run: PricedRun, counts: Counts, area_mm2: float) -> dict[Headline, float]:
    """All headline figures of a run of a workload without a distribution of lengths, whose counts are these."""
    chip, columns = run.chip, run.columns
    cycles, spent, read, written = counts
    seconds = chip.latency(cycles, work.host_seconds, columns.dispatched if chip.dispatch else 0)
    joules, audio = Fraction(spent, ATTO), Fraction(work.audio_seconds)
    operations = 2 * sum(columns.macs)
    return {
        Headline.LATENCY: float(seconds * 1000),
        Headline.RTF: float(seconds / work.audio_seconds),
        Headline.THROUGHPUT_RTF: float(seconds / (work.audio_seconds * work.utterances)),
        Headline.ENERGY: float(Fraction(spent, 10**15)),
        Headline.POWER: ratio(joules, seconds),
        Headline.ENERGY_PER_SECOND: ratio(joules * 1000, audio * work.utterances),
        Headline.DRAM: read + written,
        Headline.UTILIZATION: float(_cycles_at_peak(run) / cycles),
        Headline.TOPS: ratio(operations, seconds * TERA),
        Headline.TOPS_PER_WATT: ratio(operations, joules * TERA),
        Headline.UTTERANCES_PER_JOULE: ratio(work.utterances, joules),
        Headline.ENERGY_DELAY: float(joules * seconds),
        Headline.AREA: area_mm2,
        Headline.MODEL: facts_of(work).size.stored_bytes,
        Headline.CYCLES: cycles,
    }


def _cycles_at_peak(run: PricedRun) -> Fraction:
    """How long all products of the array would take at its peak rate."""
    columns, cycles = run.columns, Fraction(0)
    macs = np.array(columns.work("macs"), object)
    for place, mode in enumerate(columns.modes):
        if mode is not None:
            made = int(macs[columns.mode_of == place].sum())
            cycles += Fraction(made, run.chip.macs_per_cycle(mode)) if made else 0
    return cycles

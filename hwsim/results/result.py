"""The results of a run or a comparison. The JSON that programs read is exactly these fields, by these names."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.hardware.prices import UnitPrice
from hwsim.quantities.later import Later
from hwsim.quantities.noun import Name, Noun, Table, UnlessDefault
from hwsim.quantities.offered import as_html
from hwsim.quantities.precision import Precision
from hwsim.results.band import Band, ChangedRun
from hwsim.results.dram_banks import BankReplay
from hwsim.results.explanation import Explanation
from hwsim.results.figures import (
    Areas,
    AttojouleCount,
    Components,
    Diagnosis,
    Efficiency,
    EnergyLine,
    EnergySplit,
    Operation,
)
from hwsim.results.folding import Folded
from hwsim.results.quality import Quality
from hwsim.results.waterfall import BecameResident, ComparedOp, SlowerOp, WaterfallStep
from hwsim.schedule.counters import Counters, Stalls, Units
from hwsim.schedule.schedule import Placement
from hwsim.schedule.unit_table import Bound, Limit


class Engine(Enum):
    """What counted the cycles, or made a product; both engines give the same values and counts."""

    FAST = "fast"  # closed forms of the array, recurrence of the chip, products as fast as the processor makes them
    CYCLE = "cycle"  # every register of the array at every clock edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Noun):
    """The headline figures. Times are of one utterance, or of the batch that runs together.

    Latency and real-time factors are those of the chip's cycles, of the host's share of the search, `host_ms`, and of
    what it takes to start the program and the runs of its ops, `launch_ms`, if the chip says so; `dispatched` are those
    runs, if each takes time to start, `dispatch_ms` what they take of `launch_ms`.
    `rtf` is that of an utterance, latency ÷ audio of one utterance; `throughput_rtf` is latency ÷ audio of all
    utterances of the batch. `products_by_mode` sums to `macs`; of these, `widened_macs` were made in a mode wider than
    both operands. The sizes are the recogniser's own; `lm_parameters` and `lm_bytes` are those of language models fused
    into the search. `utilization` is of all products that the array could have made, `reachable_utilization` of those
    that the scratchpad's port could have fed.
    """

    chip: Name
    workload: Name
    precision: Name
    batch: int
    cycles: int
    latency_ms: float
    host_ms: float
    audio_seconds: float
    rtf: float
    throughput_rtf: float
    energy_aj: AttojouleCount
    energy_mj: float
    macs: int
    products_by_mode: Annotated[tuple[tuple[Name, int], ...], Table()]
    widened_macs: int
    utilization: float
    reachable_utilization: float
    dram_read_bytes: int
    dram_write_bytes: int
    parameters: int
    model_bytes: int
    compression_vs_fp32: float | None
    lm_parameters: int
    lm_bytes: int
    launch_ms: Annotated[float, UnlessDefault()] = 0.0
    dispatch_ms: Annotated[float, UnlessDefault()] = 0.0
    dispatched: Annotated[int, UnlessDefault()] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult(Noun):
    """All ops and parameters of one part of the network: their names begin alike."""

    name: Name
    parameters: int
    model_bytes: int
    macs: int
    cycles: int
    dram_read_bytes: int
    dram_write_bytes: int
    energy_aj: AttojouleCount


@dataclass(frozen=True, slots=True, kw_only=True)
class OpResult(Noun):
    """One op over all its runs. `split` says over how many cores, in how many shares of what, if over several; of an op
    of the vector unit m are its rows."""

    name: Name
    kind: Name
    times: int
    mode: Precision | None
    macs: int
    cycles: int
    busy_cycles: Units
    stall_cycles: Stalls
    bound: Bound
    limit: Limit
    port_bound_cycles: Units
    span: int
    utilization: float
    reachable_utilization: float
    dram_read_bytes: int
    dram_write_bytes: int
    scratchpad_read_bytes: int
    scratchpad_write_bytes: int
    energy_aj: AttojouleCount
    energy_by_component_aj: Components
    exchange_bytes: Annotated[int, UnlessDefault()] = 0
    bank_conflict_cycles: Annotated[int, UnlessDefault()] = 0
    split: Annotated[Name | None, UnlessDefault()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketResult(Noun):
    """Utterances that are padded to one length: batches of them, and the time that each batch takes."""

    length_seconds: float
    utterances: int
    batches: int
    padding: float
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthsResult(Noun):
    """A distribution of utterance lengths in buckets.

    `throughput_rtf` is the time of all batches ÷ the audio of all utterances, padding left out; the percentiles are of
    utterances.
    """

    buckets: tuple[BucketResult, ...]
    utterances: int
    padding: float
    throughput_rtf: float
    latency_p50_ms: float
    latency_p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingResult(Noun):
    """An utterance in chunks, and what they add to its work: the padding of the last one, and the look-ahead, which is
    computed again as part of the next chunk. `symbols` are those of the whole utterance, spread over its chunks."""

    chunks: int
    chunk_seconds: float
    padding_seconds: float
    repeated_seconds: float
    symbols: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance(Later, Noun):
    """Where a result comes from: same provenance, same bytes. `sources` says of fields where their values come from.

    `versions` and `inputs`, the hashes of nouns, may be made when somebody reads one of them."""

    versions: Annotated[tuple[tuple[str, str], ...], Table()]
    inputs: Annotated[tuple[tuple[str, str], ...], Table()]
    files: Annotated[tuple[tuple[str, str], ...], Table()]
    sources: Annotated[tuple[tuple[str, str], ...], Table()]
    engine: Engine
    seed: int | None


class RunResult(Noun):
    """The result of one run, on a chip of any kind: its JSON document reads back as it was."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(RunResult):
    """A run: headline figures, one entry a part and one an op, the chip's counters, where each tensor was, the energy
    with its unit prices. `unrolled_iterations` counts the iterations of loops walked before their period was found;
    `folded` is what was precomputed, if anything was. `band` and `changed` are what other runs around it found out, if
    they were asked for.

    The entries of ops and tensors, of which there may be many, are made when somebody reads them."""

    summary: Summary
    diagnosis: Diagnosis
    parts: tuple[PartResult, ...]
    ops: Sequence[OpResult]
    counters: Counters
    unrolled_iterations: int
    tensors: Sequence[Placement]
    energy_by_component_aj: Components
    prices: tuple[UnitPrice, ...]
    energy_lines: tuple[EnergyLine, ...]
    efficiency: Efficiency
    area: Areas
    operation: Operation
    streaming: StreamingResult | None = None
    folded: Folded | None = None
    lengths: LengthsResult | None = None
    provenance: Provenance
    explanation: Explanation | None = None
    quality: Quality | None = None
    band: Band | None = None
    changed: tuple[ChangedRun, ...] = ()
    dram_banks: BankReplay | None = None

    def __repr__(self) -> str:
        summary = self.summary
        return (
            f"<Result {summary.workload} in {summary.precision} on {summary.chip}: {summary.cycles:,} cycles, "
            f"{summary.latency_ms:.4g} ms, {summary.energy_mj:.4g} mJ, {len(self.ops)} ops>"
        )

    def _repr_html_(self) -> str:
        return as_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow(Noun):
    """One precision of a comparison; gains are relative to the first row.

    `speedup` is that of the latency, the host's share of the search included, `cycles_gain` that of the chip's cycles.
    `mode` is the one in which the array makes most products, `widened_macs` are products in a mode wider than both
    operands.
    """

    precision: Name
    mode: Precision | None
    widened_macs: int
    cycles: int
    latency_ms: float
    rtf: float
    throughput_rtf: float
    speedup: float
    cycles_gain: float
    energy_aj: AttojouleCount
    energy_mj: float
    energy_gain: float | None
    dram_bytes: int
    model_bytes: int
    compression_vs_fp32: float | None
    utilization: float
    reachable_utilization: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Noun):
    """The same workload on the same chip in several precisions.

    The waterfall leads from the first precision to the last, in two orders. `ops` are the ops that both have;
    `slower_ops` take more cycles in the last. `became_resident` are parameters of which a larger share stays on the
    chip in the last.
    """

    chip: Name
    workload: Name
    rows: tuple[ComparisonRow, ...]
    waterfall: tuple[WaterfallStep, ...]
    waterfall_other_order: tuple[WaterfallStep, ...]
    ops: tuple[ComparedOp, ...]
    slower_ops: tuple[SlowerOp, ...]
    became_resident: tuple[BecameResident, ...]
    energy_split: tuple[EnergySplit, ...]
    provenance: Provenance

    def __repr__(self) -> str:
        rows = ", ".join(f"{row.precision} {row.latency_ms:.4g} ms" for row in self.rows)
        return f"<Comparison {self.workload} on {self.chip}: {rows}>"

    def _repr_html_(self) -> str:
        return as_html(self)

"""The measurements by which a run is timed and priced: counts of searches from values, zeros from traces."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.hardware.chip import Chip
from hwsim.inputs.trace import TraceFile
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import decoding_of, with_decoding
from hwsim.models.decoding import BeamCounts, Greedy, GreedyCounts
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.decoded import Decoded
from hwsim.results.measured import Measured, Measuring, WriteTrace
from hwsim.results.quality import Quality
from hwsim.study.on_tiles import ValuesOnTiles, run_values_on_tiles
from hwsim.study.values import prepared, run_values
from hwsim.study.zeros import zero_products_of


def measure(
    chip: Chip,
    work: Workload,
    measuring: Measuring,
    *,
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> tuple[Workload, Measured, Mapping[str, str]]:
    """The workload as it is to be timed, its measurements, and hashes of the files that were read for them.

    Values are computed in the accumulators of the chip; `write` is called with a function that writes their trace into
    a file.
    """
    quality: Quality | None = None
    files: dict[str, str] = {}
    zeros: dict[str, int] = {}
    if measuring.sources is not None:
        ready = prepared(work, measuring.sources)
        quality = run_values(ready, measuring.sources, chip=chip, write=write, progress=progress)
        work = with_counts(ready.declared, quality.decoded) if measuring.searched else ready.declared
        files |= ready.files
    if measuring.zero_gating is not None:
        zeros, files[str(measuring.zero_gating)] = _zeros(work, measuring.zero_gating)
    return work, Measured.of(zero_products=zeros, quality=quality), files


def _zeros(work: Workload, path: Path) -> tuple[dict[str, int], str]:
    """The products with a factor zero in a trace, and the trace's hash."""
    with TraceFile(path) as trace:
        try:
            return zero_products_of(work.program, trace), trace.sha256
        except InvalidValue as error:
            raise FileProblem(trace.name, f"{error} ({work.name})") from error


def with_counts(work: Workload, decoded: Decoded | None) -> Workload:
    """The workload with the counts of its search declared: runs of its networks, or steps and new prefixes."""
    decoding = decoding_of(work.recipe)
    if decoded is None or decoding is None:
        raise Unsupported(f"{work.name} has no search whose counts could be measured; use --counts declared")
    if isinstance(decoding, Greedy):
        greedy = GreedyCounts(evaluations=decoded.steps, predictions=decoded.predictions)
        return with_decoding(work, replace(decoding, counts=greedy))
    counts = BeamCounts(steps=decoded.steps, new_prefixes=decoded.new_prefixes)
    return with_decoding(work, replace(decoding, counts=counts))


def measured_on_tiles(
    chip: AnalogChip,
    work: Workload,
    measuring: Measuring,
    *,
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> tuple[Workload, ValuesOnTiles, Mapping[str, str]]:
    """The workload as it is to be timed on a chip of tiles, its values there, and hashes of files that were read."""
    if measuring.zero_gating is not None or measuring.sources is None:
        raise Unsupported(f"zero products on {chip.name}: tiles gate none of them; leave --zero-gating out")
    ready = prepared(work, measuring.sources)
    values = run_values_on_tiles(ready, measuring.sources, chip, write=write, progress=progress)
    timed = with_counts(ready.declared, values.quality.decoded) if measuring.searched else ready.declared
    return timed, values, ready.files

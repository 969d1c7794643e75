"""One run with everything that may be asked of it: values, measured counts, gated zeros, a cap, an explanation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from hwsim.errors import FileProblem, InvalidValue
from hwsim.hardware.chip import Chip
from hwsim.hardware.objective import Objective
from hwsim.inputs.trace import TraceFile
from hwsim.ir.workload import Workload
from hwsim.quantities.progress import Progress, no_progress
from hwsim.results.result import Result
from hwsim.study.measured import with_counts
from hwsim.study.simulate import simulate
from hwsim.study.values import Sources, prepared, run_values
from hwsim.study.zeros import zero_products_of

WriteTrace = Callable[[Callable[[BinaryIO], None]], Any]
"""Called with what writes a trace into a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked for."""

    point: str | None = None
    power_cap: Fraction | None = None
    explained: str | None = None
    objective: Objective = Objective.LATENCY
    zero_gating: Path | None = None
    values: bool = False
    measured_counts: bool = False
    sources: Sources = Sources()


def run(
    chip: Chip,
    work: Workload,
    request: Request,
    *,
    files: Mapping[str, str],
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> Result:
    """The result. `files` are hashes of those that chip and workload came from; `write` takes the trace of values."""
    quality, files, zeros = None, dict(files), None
    if request.values:
        ready = prepared(work, request.sources)
        quality = run_values(ready, request.sources, chip=chip, write=write, progress=progress)
        work = with_counts(ready.declared, quality.decoded) if request.measured_counts else ready.declared
        files |= dict(ready.files)
    if request.zero_gating is not None:
        with TraceFile(request.zero_gating) as trace:
            try:
                zeros = zero_products_of(work.program, trace)
            except InvalidValue as error:
                raise FileProblem(trace.name, f"{error} ({work.name})") from error
            files[trace.name] = trace.sha256
    result = simulate(
        chip,
        work,
        point=request.point,
        power_cap=request.power_cap,
        zero_products=zeros,
        explained=request.explained,
        objective=request.objective,
        files=files,
        progress=progress,
    )
    return replace(result, quality=quality)

"""One run with everything that may be asked of it: values, measured counts, gated zeros, a cap, an explanation."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hwsim.hardware.chip import Chip
from hwsim.hardware.objective import Objective
from hwsim.ir.workload import Workload
from hwsim.quantities.progress import Progress, no_progress
from hwsim.results.measured import NOTHING, Measuring, WriteTrace
from hwsim.results.result import Result
from hwsim.study.simulate import simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked for; without `measuring` it is timed and priced by what its file declares."""

    point: str | None = None
    power_cap: Fraction | None = None
    explained: str | None = None
    objective: Objective = Objective.LATENCY
    measuring: Measuring | None = None


def run(
    chip: Chip,
    work: Workload,
    request: Request,
    *,
    files: Mapping[str, str],
    write: WriteTrace | None = None,
    progress: Progress = no_progress,
) -> Result:
    """Measure what is to be measured, then simulate with that.

    `files` are hashes of those that chip and workload came from; `write` takes the trace of values.
    """
    measured = NOTHING
    if request.measuring is not None:
        # Imported here because it brings values, audio and searches, which a run that is only timed does without.
        from hwsim.study.measure import measure

        work, measured, read = measure(chip, work, request.measuring, write=write, progress=progress)
        files = {**files, **read}
    return simulate(
        chip,
        work,
        point=request.point,
        power_cap=request.power_cap,
        measured=measured,
        explained=request.explained,
        objective=request.objective,
        files=files,
        progress=progress,
    )

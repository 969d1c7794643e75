"""One point of a sweep as a full run."""

from typing import TYPE_CHECKING

from hwsim.inputs.sweeps import OpenedSweep
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.study.simulate import Request, run
from hwsim.study.sweep.evaluate import Evaluator
from hwsim.study.sweep.points import Place

if TYPE_CHECKING:
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


def full_run(sweep: OpenedSweep, place: Place, progress: Progress = no_progress) -> "Result | TilesResult":
    """The run of a point, with all that a result says."""
    chip, work = Evaluator(sweep).point(place)
    request = Request(objective=sweep.file.objective)
    result: Result | TilesResult = run(chip, work, request, files=dict(sweep.files), progress=progress)
    return result

"""One point of a sweep as a full run."""

from typing import TYPE_CHECKING

from hwsim.errors import InvalidValue
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.study.simulate import Request, run
from hwsim.study.sweep.evaluate import Evaluator
from hwsim.study.sweep.points import SweepPoints

if TYPE_CHECKING:
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


def full_run(sweep: OpenedSweep, number: int, progress: Progress = no_progress) -> "Result | TilesResult":
    """The run of the point of that number, with all that a result says."""
    places = SweepPoints(sweep).chosen()
    if not 1 <= number <= len(places):
        raise InvalidValue("row", number, f"must be from 1 to {len(places):,}")
    chip, work = Evaluator(sweep).point(places[number - 1])
    request = Request(objective=sweep.file.objective)
    result: Result | TilesResult = run(chip, work, request, files=dict(sweep.files), progress=progress)
    return result

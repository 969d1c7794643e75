"""One point of a sweep as a full run."""

from typing import TYPE_CHECKING

from hwsim.inputs.sweeps import GIVEN, OpenedSweep
from hwsim.inputs.varied import chip_with
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.results.sweep_file import PRECISION
from hwsim.study.simulate import Request, run
from hwsim.study.sweep.evaluate import Evaluator, values_of
from hwsim.study.sweep.points import Place

if TYPE_CHECKING:
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


def full_run(sweep: OpenedSweep, place: Place, progress: Progress = no_progress) -> "Result | TilesResult":
    """The run of a point, with all that a result says."""
    pair, values = sweep.pairs[place.pair], values_of(sweep, place)
    _, work = Evaluator(sweep).point(place)
    values.pop(PRECISION, None)
    chip = chip_with(pair.chip, pair.fields, values, GIVEN)  # which names the sweep as the source of what it varies
    request = Request(objective=sweep.file.objective)
    result: Result | TilesResult = run(chip, work, request, files=dict(sweep.files), progress=progress)
    return result

"""A run with the runs around it: its band, and changed runs beside it."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from hwsim.dataclass import dataclass
from hwsim.ir.workload import Workload
from hwsim.quantities.plain_data import Progress, no_progress
from hwsim.study.band import band, checked_fields
from hwsim.study.simulate import Request, Watch, nobody, run
from hwsim.study.what_if import checked_changes, what_if

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.results.result import Result
    from hwsim.results.tiles_result import TilesResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The ranges of the fields of a band, and changes that are made together, each for a run of its own."""

    band: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Mapping[str, Any], ...] = ()
    seed: int = 0


def run_around(
    chip: "AnyChip",
    work: Workload,
    request: Request,
    around: Around,
    *,
    files: Mapping[str, str],
    progress: Progress = no_progress,
    watch: Watch = nobody,
) -> "Result | TilesResult":
    """The run that the request asks for, with its band and with changed runs; what is wrong with these is told before
    anything runs."""
    if around.band:
        checked_fields(chip, work, around.band)
    for changes in around.changes:
        checked_changes(chip, work, changes)
    found = run(chip, work, request, files=files, progress=progress, watch=watch)
    point, cap, objective = request.point, request.power_cap, request.objective
    if around.band:
        option = "command line: --band"
        found = replace(
            found,
            band=band(
                chip, work, around.band,
                point=point, power_cap=cap, objective=objective, seed=around.seed, given=option, progress=progress,
            ),
        )  # fmt: skip
    changed = tuple(
        what_if(
            chip, work, changes,
            point=point, power_cap=cap, objective=objective, given="command line: --what-if", progress=progress,
        )
        for changes in around.changes
    )  # fmt: skip
    return replace(found, changed=changed)

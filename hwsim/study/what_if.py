"""What if: the run of a chip or a workload with changed fields, planned anew, beside the run as it is."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Chip, Machine
from hwsim.inputs.varied import Field, field_of
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, no_progress
from hwsim.results.band import ChangedRun, FieldChange
from hwsim.study.points import Circumstances, Points

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip


def what_if(
    chip: "AnyChip",
    workload: Workload,
    changes: Mapping[str, Any],
    *,
    point: str | None = None,
    power_cap: Fraction | float | str | None = None,
    objective: Objective | str = Objective.LATENCY,
    given: str = "caller: what_if",
    progress: Progress = no_progress,
) -> ChangedRun:
    """What changes with other values of fields of the chip, its price table or the workload, all at once.

    `what_if(chip, work, {"dram.read": "x2", "vector.lanes": 128})`: each value as its file would say it, or as a
    multiple of the value as it is. Both runs are planned anew.
    """
    known, values = checked_changes(chip, workload, changes)
    points = Points(chip, workload, known, Circumstances(point=point, power_cap=power_cap, objective=objective), given)
    before, after = points.run([{}, values], progress)
    return ChangedRun(
        changes=tuple(
            FieldChange(
                path=path,
                owner=field.owner,
                before=field.written(field.value),
                after=field.written(values[path]),
            )
            for path, field in known.items()
        ),
        before=before.figures,
        after=after.figures,
        binds_before=before.binds,
        binds_after=after.binds,
    )


def checked_changes(
    chip: "AnyChip", workload: Workload, changes: Mapping[str, Any]
) -> tuple[dict[str, Field], dict[str, Any]]:
    """The fields of those paths, and their other values; UserError says what is wrong with one."""
    if not isinstance(chip, Machine):
        must_be(Chip, "chip", chip)
    must_be(Workload, "workload", workload)
    if not isinstance(changes, Mapping) or not changes:
        raise InvalidValue("changes", changes, "must map paths of fields to values, at least one")
    known = {path: field_of(chip, workload, path) for path in changes}
    return known, {path: known[path].read(written) for path, written in changes.items()}

"""Sweeps as callers in Python ask for them: nouns of chips and workloads, and axes as a mapping."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwsim.errors import InvalidValue
from hwsim.hardware.chip import Machine
from hwsim.inputs.sweep_axes import axis_given
from hwsim.inputs.sweeps import sweep_of
from hwsim.ir.workload import Workload
from hwsim.quantities.noun import must_be
from hwsim.quantities.plain_data import Objective, Progress, no_progress
from hwsim.results.sweep import SweepOutcome
from hwsim.results.sweep_file import Method, Sample, SweepFile
from hwsim.study.sweep.run import sweep_points

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip


def sweep(
    chips: "AnyChip | Sequence[AnyChip]",
    workloads: Workload | Sequence[Workload],
    axes: Mapping[str | tuple[str, ...], Any],
    *,
    where: str | Sequence[str] = (),
    best: str | Sequence[str] = ("energy",),
    sample: int | None = None,
    method: str = "sobol",
    seed: int = 0,
    objective: Objective | str = Objective.LATENCY,
    store: str | Path | None = None,
    resume: bool = False,
    workers: int = 1,
    progress: Progress = no_progress,
) -> SweepOutcome:
    """Run every chip with every workload and all values of the axes, or a sample of these points.

    `sweep(chip, work, {("array.rows", "array.cols"): [16, 32], "dram.read": "8 GB/s..64 GB/s*2", "precision": ["w8a8",
    "w4a4"]}, where="rtf < 0.01")`: fields by dotted path, each with a list of values or a range in steps; what is said
    of several fields together holds for each of them. With a `store` points are kept in that file, and with `resume` a
    sweep that lies there goes on. Every point has the figures of a run of it alone.
    """
    machines, works = _several(Machine, "chips", chips), _several(Workload, "workloads", workloads)
    if not isinstance(axes, Mapping):
        raise InvalidValue("axes", axes, "must map fields to values or to a range")
    file = SweepFile(
        chips=tuple(chip.name for chip in machines),
        workloads=tuple(work.name for work in works),
        axes=tuple(axis_given(fields, values) for fields, values in axes.items()),
        where=(where,) if isinstance(where, str) else tuple(where),
        best=(best,) if isinstance(best, str) else tuple(best),
        sample=None if sample is None else Sample(method=_method(method), points=sample, seed=seed),
        objective=Objective.named(objective),
    )
    path = None if store is None else Path(store)
    opened = sweep_of(file, machines, works)
    return sweep_points(opened, store=path, resume=resume, workers=workers, progress=progress)


def _several(kind: type[Any], what: str, given: Any) -> list[Any]:
    """One noun, or several of them."""
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    for one in listed:
        must_be(kind, what.removesuffix("s"), one)
    return listed


def _method(name: str) -> Method:
    known = {method.value: method for method in Method}
    if name not in known:
        raise InvalidValue("method", name, f"must be one of {', '.join(known)}")
    return known[name]

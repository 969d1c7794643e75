"""The files of an allocation: the whole of it, what budgets come to, all options of all layers."""

from typing import Any

from hwsim.report.allocation_screen import option_rows
from hwsim.report.export import to_csv, to_json
from hwsim.results.allocation import AllocationOutcome, Judged

ALLOCATION_FILES = ("allocation.json", "budgets.csv", "layers.csv")


def workload_files(budgets: int) -> tuple[str, ...]:
    """The workloads with what was chosen, in the order of the budgets.

    >>> workload_files(2)
    ('workload_1.yaml', 'workload_2.yaml')
    """
    return tuple(f"workload_{place}.yaml" for place in range(1, budgets + 1))


def budget_rows(outcome: AllocationOutcome) -> list[dict[str, Any]]:
    """A row for each policy throughout, and for each budget."""
    rows = [
        {"formats": f"all {one.policy}", "limit": None, "cost": one.cost, "taken": one.cost,
         "sensitivity": one.sensitivity, "least": None, "greedy": None, **_judged(one.judged)}
        for one in outcome.uniform
    ]  # fmt: skip
    rows += [
        {"formats": one.budget, "limit": one.limit, "cost": one.cost, "taken": one.taken,
         "sensitivity": one.sensitivity, "least": one.least, "greedy": one.greedy, **_judged(one.judged)}
        for one in outcome.chosen
    ]  # fmt: skip
    return rows


def _judged(judged: Judged) -> dict[str, Any]:
    figures = {figure.value: value for figure, value in judged.figures}
    own = {"stored_bytes": judged.model_bytes, "compression": judged.compression}
    return {**own, "sqnr_db": judged.sqnr_db, "divergence": judged.divergence, **figures}


def allocation_files(outcome: AllocationOutcome) -> dict[str, str]:
    """The files by name."""
    contents = to_json(outcome), to_csv(budget_rows(outcome)), to_csv(option_rows(outcome))
    return dict(zip(ALLOCATION_FILES, contents, strict=True))

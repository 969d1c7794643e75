"""Holds what the arrays do against what the definitions say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtl.case import Case
from rtl.expected import expected
from rtl.workbench import RtlResult, Workbench


@dataclass(frozen=True, slots=True)
class Difference:
    """A case in which an array does not do what the definitions say: in its values, in its cycles, or in both."""

    case: Case
    values: bool
    cycles: bool
    message: str


def difference(case: Case, result: RtlResult) -> Difference | None:
    law = expected(case)
    wrong = int(np.count_nonzero(result.out != law.out)) or abs(result.writes - law.out.size)
    cycles, by_law = (result.mac_cycles, result.out_cycles), (law.mac_cycles, law.out_cycles)
    if not wrong and cycles == by_law:
        return None
    message = f"{wrong} of {law.out.size} values differ, cycles are {cycles}, by definition {by_law}: {case}"
    return Difference(case, values=wrong > 0, cycles=cycles != by_law, message=message)


def differences(workbench: Workbench, cases: Sequence[Case]) -> list[Difference]:
    """Runs the cases; those that do not agree."""
    pairs = zip(cases, workbench.simulate_all(cases), strict=True)
    return [found for case, result in pairs if (found := difference(case, result)) is not None]

"""Results as DataFrames of pandas."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import flat, holds_attojoules, with_millijoules
from hwsim.results.recognition import Recognitions
from hwsim.results.result import Comparison, Result
from hwsim.results.sweep import SweepOutcome, point_row
from hwsim.results.tiles_result import TilesResult, flat_op

_TOO_LARGE = 2**63


def to_frame(result: Result | TilesResult | Comparison | SweepOutcome | Recognitions) -> pd.DataFrame:
    """One row an op, a precision, a point, or a run that was heard; nested figures become columns such as
    `busy_cycles.load`.

    Energies stand in attojoules, as Python's own integers, and beside them in millijoules. The sum of a column of
    integers is exact, whatever its rows.
    """
    if isinstance(result, TilesResult):
        rows = [with_millijoules(flat_op(op)) for op in result.ops]
    elif isinstance(result, (Result, Comparison)):
        rows = [with_millijoules(flat(row)) for row in (result.ops if isinstance(result, Result) else result.rows)]
    elif isinstance(result, SweepOutcome):
        rows = [with_millijoules(point_row(row)) for row in result.rows]
    elif isinstance(result, Recognitions):
        rows = [with_millijoules(run.row) for run in result.runs]
    else:
        law = "must be a Result, as simulate gives it, a Comparison, a SweepOutcome or Recognitions"
        raise InvalidValue("result", result, law)
    names = dict.fromkeys(name for row in rows for name in row)
    rows = [{name: row.get(name) for name in names} for row in rows]
    return pd.DataFrame({name: _column(name, [row[name] for row in rows]) for name in rows[0]})


def _column(name: str, values: Sequence[Any]) -> "pd.Series[Any]":
    """A column whose integers are 64 bits wide only if every sum of them fits 64 bits."""
    if not all(type(value) is int for value in values):
        return pd.Series(values)
    wide = holds_attojoules(name) or sum(map(abs, values)) >= _TOO_LARGE
    return pd.Series(values, dtype=object if wide else "int64")

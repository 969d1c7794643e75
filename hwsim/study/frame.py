"""Results as DataFrames: where pandas enters."""

import pandas as pd

from hwsim.core.plain import flat
from hwsim.core.result import Comparison, Result


def to_frame(result: Result | Comparison) -> pd.DataFrame:
    """One row an op, or one row a precision; nested figures become columns such as `busy_cycles.load`."""
    return pd.DataFrame([flat(row) for row in (result.ops if isinstance(result, Result) else result.rows)])

"""Integer functions of rows by kernels: what numpy makes of the same rows."""

from typing import Any

import numpy as np
import pytest

from hwsim.ir.ops import Reduction
from hwsim.quantities.precision import Precision
from hwsim.tensor import reduce
from hwsim.tensor.quant_params import QuantParams, even
from hwsim.tensor.reduce import normalised, reduced
from processor import need_compiled_kernels

TARGET = QuantParams(Precision.INT8, np.asarray(0.03, np.float32), np.asarray(-2, np.int32), symmetric=False)


def drawn(precision: Precision, n: int, kind: type[np.generic] = np.int32) -> Any:
    rng = np.random.default_rng(n)
    rows = rng.integers(precision.lowest, precision.highest + 1, (5, n)).astype(kind)
    rows[0] = rows[0, 0]  # no spread at all
    rows[1, :] = 0
    rows[1, 0] = precision.highest
    return rows


@pytest.mark.parametrize("n", [1, 2, 31, 144, 600])
@pytest.mark.parametrize("precision", [Precision.INT4, Precision.INT8, Precision.INT16])
@pytest.mark.parametrize("scale", [2.0**-14, 0.01, 0.5])
def test_rows_by_kernels_are_those_of_numpy(
    n: int, precision: Precision, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_compiled_kernels()
    rng = np.random.default_rng(1)
    rows, source = drawn(precision, n), even(precision, scale)
    gain, offset = rng.integers(-32767, 32768, n).astype(np.int32), rng.integers(-(2**20), 2**20, n)

    def both() -> list[Any]:
        norm = normalised(rows, source, gain, offset, 2.0**-12, TARGET)
        shares = reduced(Reduction.SOFTMAX, rows, source, TARGET)
        return [norm.out, norm.clipped, shares.out, shares.clipped]

    by_kernels = both()
    monkeypatch.setattr(reduce, "compiles", lambda: False)
    for mine, theirs in zip(by_kernels, both(), strict=True):
        np.testing.assert_array_equal(mine, theirs)

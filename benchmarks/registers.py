"""Products in registers that saturate: addition by addition, and by the exact product where that is certified."""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from benchmarks.measure import seconds
from hwsim.hardware.summation import Register, Summation
from hwsim.quantities.precision import Precision
from hwsim.tensor import ordered
from hwsim.tensor.gemm import matmul
from hwsim.tensor.weights import Weights

INT8, INT4 = Precision.INT8, Precision.INT4
SHAPE = (200, 256, 1024)


def report() -> None:
    """GMAC/s of the kernels for each width, and what the certificate gains where it holds."""
    m, k, n = SHAPE
    print(f"\nsaturating registers, {m},{k},{n}, weights packed ahead; GMAC/s")
    print(f"{'operands':>10}{'bits':>6}{'packed':>8}{'tile':>6}{'every addition':>16}{'certified':>11}{'gain':>7}")
    for precision, bits, packed, tile in (
        (INT8, 12, 1, None), (INT8, 16, 1, None), (INT8, 16, 1, 64), (INT8, 16, 4, 256), (INT8, 20, 1, None),
        (INT8, 24, 1, None), (INT8, 24, 4, 256), (INT4, 12, 1, None), (INT4, 16, 1, None), (INT4, 16, 8, 512),
    ):  # fmt: skip
        operand = precision.value
        rate = {
            name: m * k * n / taken / 1e9 for name, taken in seconds(_variants(precision, bits, packed, tile)).items()
        }
        certified = (
            f"{rate['certified']:11.1f}{rate['certified'] / rate['kernel']:6.1f}×" if "certified" in rate else ""
        )
        print(f"{operand:>10}{bits:>6}{packed:>8}{tile or 'none':>6}{rate['kernel']:16.1f}{certified}")


def _variants(precision: Precision, bits: int, packed: int, tile: int | None) -> dict[str, Callable[[], object]]:
    m, k, n = SHAPE
    rng = np.random.default_rng(0)
    act, weight = (
        rng.integers(precision.lowest, precision.highest + 1, shape).astype(np.int8) for shape in ((m, k), (k, n))
    )
    made = Weights.of(weight, precision)
    summation = Summation(packed=packed, tile=tile, register=Register(bits=bits))

    def product() -> object:
        return matmul(act, made, act_precision=precision, weight_precision=precision, summation=summation)

    def every_addition() -> object:
        with patch.object(ordered, "certified", lambda act, weights, highest: np.zeros(len(act), bool)):
            return product()

    holds = ordered.certified(act, made, summation.register.highest).all()
    return {"kernel": every_addition, **({"certified": product} if holds else {})}

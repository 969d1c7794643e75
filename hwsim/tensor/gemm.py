"""Matrix products: exact, or with the additions in the order and the registers of an array."""

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.summation import Summation
from hwsim.quantities.precision import Precision
from hwsim.tensor.exact import exact_sums
from hwsim.tensor.formats import Array
from hwsim.tensor.operands import checked_matrix, inner_sizes_agree
from hwsim.tensor.ordered import ordered_sums
from hwsim.tensor.weights import Weights


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The sums of a matrix product, and how many additions a saturating register clamped on the way to them.

    `out` is int32 where the result register (or, without one, every possible sum) has at most 32 bits, int64 where it
    is wider, float32 for floating-point operands.
    """

    out: Array
    saturations: int


def matmul(
    act: object,
    weight: object,
    *,
    act_precision: Precision,
    weight_precision: Precision,
    summation: Summation | None = None,
    threads: int = 1,
) -> Sums:
    """act[m, k] @ weight[k, n]; `weight` may be `Weights`, made once for many products.

    Without a summation the sums are exact. Floating-point products are added in fp32, each addition rounded; without a
    summation in the order of k.

    >>> int4 = Precision.INT4
    >>> matmul([[1, 2]], [[3], [4]], act_precision=int4, weight_precision=int4)
    Sums(out=array([[11]], dtype=int32), saturations=0)
    """
    if act_precision.floating != weight_precision.floating:
        raise Unsupported(f"{act_precision.value} is not multiplied by {weight_precision.value}; convert one of them")
    left = checked_matrix("act", act, act_precision)
    right = weight if isinstance(weight, Weights) else Weights.of(weight, weight_precision)
    if right.precision is not weight_precision:
        raise InvalidValue(
            "weight", right.precision.value, f"are weights of another format than {weight_precision.value}"
        )
    inner_sizes_agree(left, right.values)
    if summation is None and not act_precision.floating:
        return Sums(exact_sums(left, act_precision, right, threads), 0)
    return Sums(*ordered_sums(left, act_precision, right, summation or Summation(), threads))

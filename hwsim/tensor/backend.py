"""Matrix products for runs of values: exact, or in the order and the registers in which an array adds."""

from collections.abc import Callable, Sequence
from typing import Protocol

from hwsim.dataclass import dataclass
from hwsim.hardware.summation import Summation
from hwsim.quantities.precision import Precision
from hwsim.tensor.batched import batched_sums
from hwsim.tensor.formats import Array
from hwsim.tensor.gemm import Sums, matmul
from hwsim.tensor.single import Floats, single_products
from hwsim.tensor.weights import Weights

_INT32 = (1 << 31) - 1
_BYTES = 1 << 14
"""The largest magnitude of a product of signed bytes."""

Order = Callable[[str, Precision, Precision], Summation]
"""In which order and registers the op of that name adds products of activations and weights of two formats."""


class ProductBackend(Protocol):
    """What multiplies matrices; `accumulators` is what reports call the registers in which it adds."""

    @property
    def accumulators(self) -> str: ...

    @property
    def threads(self) -> int: ...

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        """act[m, k] @ weights of an op of the array, as its accumulators hold the sums."""

    def together(self, op: str, act: Array, weight: Array) -> Array | None:
        """act[b, m, k] @ weight[b, k, n] of an op of the array, all signed bytes, if that is faster together than one
        by one, and no accumulator cuts a sum off."""

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        """act[m, k] @ weights of the vector unit, whose sums no register cuts off."""

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        """Whether every sum of that op, whatever the activations, is exact in 32 bits, so that any code may add it."""

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Floats:
        """act[b, m, k] @ weights[b] of the float reference, in single precision; `often` says that the same weights
        come again."""


@dataclass(frozen=True, slots=True)
class ExactProducts:
    """Exact sums of integers; floats in the order of k, each addition rounded."""

    threads: int = 1

    @property
    def accumulators(self) -> str:
        return "exact"

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        return self.exact(act, precision, weights)

    def together(self, op: str, act: Array, weight: Array) -> Array | None:
        return batched_sums(act, weight, self.threads)

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        return matmul(act, weights, act_precision=precision, weight_precision=weights.precision, threads=self.threads)

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        return largest_sum(precision, weights) <= _INT32

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Floats:
        return single_products(act, weights, self.threads, often=often)


@dataclass(frozen=True, slots=True)
class OrderedProducts:
    """Sums in the order and the registers of an array."""

    order: Order
    accumulators: str
    threads: int = 1

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        return matmul(
            act,
            weights,
            act_precision=precision,
            weight_precision=weights.precision,
            summation=self.order(op, precision, weights.precision),
            threads=self.threads,
        )

    def together(self, op: str, act: Array, weight: Array) -> Array | None:
        summation = self.order(op, Precision.INT8, Precision.INT8)
        registers = (summation.register, summation.outer or summation.register)
        if weight.shape[1] * _BYTES > min(_INT32, *(register.highest for register in registers)):
            return None
        return batched_sums(act, weight, self.threads)

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        return ExactProducts(self.threads).exact(act, precision, weights)

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        summation = self.order(op, precision, weights.precision)
        registers = (summation.register, summation.outer or summation.register)
        return largest_sum(precision, weights) <= min(_INT32, *(register.highest for register in registers))

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Floats:
        return ExactProducts(self.threads).single(act, weights, often=often)


def largest_sum(precision: Precision, weights: Weights) -> int:
    """A bound of the magnitude of all sums of products with activations of that format."""
    return weights.measures.magnitudes * max(-precision.lowest, precision.highest)

"""A list of matrix products, one after another: for measuring a chip, or a network that no extractor knows."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hwsim.core.noun import Name, Noun, Remark, Whole
from hwsim.core.ops import Gemm
from hwsim.core.precision import PrecisionPlan
from hwsim.core.program import Program
from hwsim.core.sources import Sources, check_sources
from hwsim.core.tensor import Role
from hwsim.core.units import Utterance
from hwsim.core.view import View
from hwsim.errors import InvalidValue
from hwsim.models.part import Part, tensor

Extent = Annotated[int, Whole(low=1, high=2**24)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Noun):
    """`m` rows of `k` times a weight of `k` rows and `n` columns, so many times."""

    name: Name
    m: Extent
    k: Extent
    n: Extent
    times: Annotated[int, Whole(low=1, high=2**30)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemms(Noun):
    """A workload file of kind `gemms`. `audio` is what the products stand for; `batch` multiplies the rows of each."""

    kind: Literal["gemms"] = "gemms"
    name: Name
    audio: Utterance = 10**12
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    precision: Name | PrecisionPlan = "fp16"
    products: tuple[Product, ...]
    about: Remark | None = None
    sources: Sources = ()

    def check(self) -> None:
        check_sources(self, self.sources)
        names = [product.name for product in self.products]
        if not names:
            raise InvalidValue("products", names, "must name at least one product")
        for name in names:
            if names.count(name) > 1:
                raise InvalidValue("products", name, "is named twice")

    @property
    def decoding_steps(self) -> int:
        return 0

    @property
    def lengths(self) -> None:
        return None


def extract_gemms(recipe: Gemms, plan: PrecisionPlan) -> Program:
    """Each product with operands and result of its own, in a loop if it runs more than once."""
    part = Part()
    for product in recipe.products:
        name, policy = product.name, plan.of(product.name)
        rows = recipe.batch * product.m
        act = tensor(f"{name}.act", (rows, product.k), policy.activation, Role.INPUT)
        weight = tensor(f"{name}.weight", (product.k, product.n), policy.weight, Role.WEIGHT, policy.group)
        out = tensor(f"{name}.out", (rows, product.n), policy.state, Role.OUTPUT)
        a, w, o = (View(tensor=t.name) for t in (act, weight, out))
        gemm = Gemm(name=name, act=a, weight=w, out=o)
        own = Part((act, weight, out), (gemm,))
        part += own if product.times == 1 else own.looped(f"{name}.times", product.times)
    return part.program(recipe.name)

"""A list of matrix products, one after another: for measuring a chip, or a network that no extractor knows."""

from itertools import pairwise
from typing import Annotated, Literal

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.ops import Gemm
from hwsim.ir.place import Place
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment, tensor
from hwsim.quantities.fields import Utterance
from hwsim.quantities.noun import Name, Noun, Remark, UnlessDefault, Whole
from hwsim.quantities.plain_data import Sources, check_sources
from hwsim.quantities.precision import PrecisionPlan

Dimension = Annotated[int, Whole(low=1, high=2**24)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmSize(Noun):
    """`m` rows of `k` times a weight of `k` rows and `n` columns, so many times; `place` forces over how many cores it
    is split."""

    name: Name
    m: Dimension
    k: Dimension
    n: Dimension
    times: Annotated[int, Whole(low=1, high=2**30)] = 1
    place: Annotated[Place | None, UnlessDefault()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemms(Noun):
    """A workload file of kind `gemms`. `audio` is what the products stand for; `batch` multiplies the rows of each.

    Each product has operands and a result of its own in DRAM; if they are `chained`, it reads what the one before it
    wrote, as layers do."""

    kind: Literal["gemms"] = "gemms"
    name: Name
    audio: Utterance = 10**12
    batch: Annotated[int, Whole(low=1, high=65_536)] = 1
    precision: Name | PrecisionPlan = "fp16"
    products: tuple[GemmSize, ...]
    chained: Annotated[bool, UnlessDefault()] = False
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
        if self.chained:
            self._check_chain()

    def _check_chain(self) -> None:
        for place, product in enumerate(self.products):
            if product.times != 1:
                raise InvalidValue(f"products[{place}].times", product.times, "must be 1 where products are chained")
        for place, (before, product) in enumerate(pairwise(self.products), 1):
            for field, value, wanted in (("m", product.m, before.m), ("k", product.k, before.n)):
                if value != wanted:
                    law = f"must be {wanted}, as {before.name} writes, where products are chained"
                    raise InvalidValue(f"products[{place}].{field}", value, law)


def extract_gemms(recipe: Gemms) -> Program:
    """Each product with operands and result of its own, in a loop if it runs more than once."""
    if recipe.chained:
        return _chain(recipe)
    part = Fragment()
    for product in recipe.products:
        name = product.name
        rows = recipe.batch * product.m
        act = tensor(f"{name}.act", (rows, product.k), Role.INPUT)
        weight = tensor(f"{name}.weight", (product.k, product.n), Role.WEIGHT)
        out = tensor(f"{name}.out", (rows, product.n), Role.OUTPUT)
        a, w, o = (View(tensor=t.name) for t in (act, weight, out))
        gemm = Gemm(name=name, act=a, weight=w, out=o, place=product.place)
        fragment = Fragment((act, weight, out), (gemm,))
        part += fragment if product.times == 1 else fragment.looped(f"{name}.times", product.times)
    return part.program(recipe.name)


def _chain(recipe: Gemms) -> Program:
    """Each product reads what the one before it wrote."""
    rows, last = recipe.batch * recipe.products[0].m, len(recipe.products)
    part = Fragment((tensor("x_0", (rows, recipe.products[0].k), Role.INPUT),))
    for place, product in enumerate(recipe.products, 1):
        role = Role.OUTPUT if place == last else Role.ACTIVATION
        weight = tensor(f"{product.name}.weight", (product.k, product.n), Role.WEIGHT)
        out = tensor(f"x_{place}", (rows, product.n), role)
        a, w, o = (View(tensor=name) for name in (f"x_{place - 1}", weight.name, out.name))
        gemm = Gemm(name=product.name, act=a, weight=w, out=o, place=product.place)
        part += Fragment((weight, out), (gemm,))
    return part.program(recipe.name)

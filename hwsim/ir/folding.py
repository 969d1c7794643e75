"""What was precomputed of a program: products whose results are rows of tables that are there before the first op."""

from hwsim.dataclass import dataclass
from hwsim.ir.program import Program
from hwsim.quantities.noun import Name, Noun


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedProduct(Noun):
    """A product that only rows of a table entered: the lookup of its name now finds its results in `table`.

    `ops` are those that did the work before, in program order: a lookup, perhaps a quantisation of rows, the product.
    """

    op: Name
    table: Name
    ops: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding(Noun):
    """The program before anything of it was precomputed, and the products that were."""

    program: Program
    products: tuple[FoldedProduct, ...]

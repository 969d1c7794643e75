"""A table with one row for each symbol."""

from hwsim.ir.ops import Lookup
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.models.fragment import Fragment, tensor
from hwsim.quantities.precision import Precision


def embedding(name: str, symbols: int, size: int, index: View, out: View, precision: Precision) -> Fragment:
    """out = table[index]; makes the table, in the format of `out`."""
    table = tensor(f"{name}.table", (symbols, size), precision, Role.TABLE)
    return Fragment((table,), (Lookup(name=name, table=View(tensor=table.name), index=index, out=out),))


def gathered(name: str, table: View, index: View, out: View) -> Fragment:
    """out = table[index] from a table that is there."""
    return Fragment(nodes=(Lookup(name=name, table=table, index=index, out=out),))

"""Folding: products that only rows of a constant table enter become rows of a table themselves.

A lookup copies rows of a table; a product with constant weights makes of each row a row of results, whatever the other
rows are: sums, bias and requantisation depend on the row alone. So there are as many results as the table has rows, and
a lookup of one of them takes the place of the lookup of an embedding and of the product behind it.

The pass works on a program in its formats, because the rows have the format of the product's result, in which it would
have written them: that makes them the same numbers. A `Quantise` between lookup and product, which gives each row a
scale of its own, is folded with them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from math import prod
from typing import NamedTuple, Self

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.ir.folding import FoldedProduct, Folding
from hwsim.ir.nodes import Loop, Node, ops_in, rewritten, views_of
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Gemm, Lookup, Op, Quantise
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Steered, SymbolLoop, Tensor
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision


def folded(program: Program) -> tuple[Program, Folding]:
    """The program with all products precomputed that can be, and what was; InvalidValue, if there is none."""
    found = tuple(_matches(program.body, _Uses.of(program)))
    if not found:
        law = "finds nothing to precompute: no product reads rows of an embedding alone; leave it out"
        raise InvalidValue("fold", True, law)
    tables = _tables(found, program)
    gone: dict[str, Op | None] = {op.name: None for match in found for op in match.ops}
    replaced = gone | {
        match.product.name: Lookup(
            name=match.product.name,
            table=View(tensor=table.name),
            index=match.lookup.index,
            out=match.product.out,
        )
        for match, table in zip(found, tables, strict=True)
    }
    body = rewritten(program.body, lambda op: replaced.get(op.name, op))
    used = {view.tensor for op in ops_in(*body) for view in views_of(op)}
    kept = [tensor for tensor in program.tensors if tensor.name in used]
    products = (
        FoldedProduct(op=match.product.name, table=table.name, ops=tuple(op.name for op in match.ops))
        for match, table in zip(found, tables, strict=True)
    )
    after = replace(
        program,
        tensors=tuple(sorted((*kept, *tables), key=lambda tensor: tensor.name)),
        body=body,
        search=_search(program, found, tables, used),
    )
    return after, Folding(program=program, products=tuple(products))


class _Match(NamedTuple):
    """A product that only rows of a constant table enter, and what brings them to it."""

    lookup: Lookup
    quantise: Quantise | None
    product: Gemm

    @property
    def ops(self) -> tuple[Op, ...]:
        return tuple(op for op in (self.lookup, self.quantise, self.product) if op is not None)


@dataclass(frozen=True, slots=True)
class _Uses:
    """Which ops read and which write each tensor of a program."""

    program: Program
    readers: Mapping[str, list[Op]]
    writers: Mapping[str, list[Op]]

    @classmethod
    def of(cls, program: Program) -> Self:
        readers: dict[str, list[Op]] = {}
        writers: dict[str, list[Op]] = {}
        for op in (placed.op for placed in program.placed()):
            for views, users in ((op_spec(op).reads(op), readers), (op_spec(op).writes(op), writers)):
                for name in dict.fromkeys(view.tensor for view in views):
                    users.setdefault(name, []).append(op)
        return cls(program, readers, writers)

    def only_reader(self, view: View) -> Op | None:
        """The one op that reads what is written to a view, and reads just that; None, if it is not so."""
        steered = () if self.program.search is None else self.program.search.tensors
        tensor, readers = self.program.tensor(view.tensor), self.readers.get(view.tensor, [])
        if tensor.role is not Role.ACTIVATION or tensor.name in steered:
            return None
        if len(readers) != 1 or len(self.writers[view.tensor]) != 1:
            return None
        read = [other for other in op_spec(readers[0]).reads(readers[0]) if other.tensor == view.tensor]
        return readers[0] if read == [view] else None

    def constant(self, view: View) -> bool:
        """Whether a view is all of a parameter, as it lies."""
        return self.program.tensor(view.tensor).role.parameter and not view.windows and view.order is None


def _matches(nodes: tuple[Node, ...], uses: _Uses) -> Iterator[_Match]:
    """All that can be precomputed in a body and in the loops inside."""
    for place, node in enumerate(nodes):
        if isinstance(node, Loop):
            yield from _matches(node.body, uses)
        elif isinstance(node, Lookup):
            match = _match(node, uses)
            if match is not None and _finds_the_same(match, nodes[place + 1 :]):
                yield match


def _match(lookup: Lookup, uses: _Uses) -> _Match | None:
    reader, quantise = uses.only_reader(lookup.out), None
    if isinstance(reader, Quantise):
        quantise, reader = reader, uses.only_reader(reader.write)
        if uses.only_reader(quantise.scales) is not reader:
            return None
    if not isinstance(reader, Gemm) or reader.row_scales != (None if quantise is None else quantise.scales):
        return None
    constants = [view for view in (lookup.table, reader.weight, reader.bias) if view is not None]
    if not all(map(uses.constant, constants)):
        return None
    *leading, k, n = uses.program.tensor(reader.weight.tensor).shape
    row = uses.program.tensor(lookup.table.tensor).shape[-1]
    # Scores of 32 bits are told from places by the ops that compute them: a lookup computes nothing.
    scores = uses.program.tensor(reader.out.tensor).precision is Precision.INT32
    whole_rows = prod(leading) == 1 and row == (n if reader.transposed else k)
    match = _Match(lookup, quantise, reader)
    search = uses.program.search
    steered = search is not None and any(op.name in search.ops for op in match.ops)
    return match if whole_rows and not scores and not steered else None


def _finds_the_same(match: _Match, later: tuple[Node, ...]) -> bool:
    """Whether a lookup in the product's place reads what the lookup read: the same body, the same places."""
    for node in later:
        if node.name == match.product.name:
            return True
        if any(view.tensor == match.lookup.index.tensor for op in ops_in(node) for view in op_spec(op).writes(op)):
            return False
    return False


def _tables(found: Iterable[_Match], program: Program) -> tuple[Tensor, ...]:
    """The table of each product, beside the product by its name: a row for each row of the lookup's table."""
    taken = {tensor.name for tensor in (*program.tensors, *program.stored)}
    tables = []
    for match in found:
        names = (f"{match.product.name}.table{'' if n == 1 else n}" for n in count(1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        like, shape = program.tensor(match.product.out.tensor), program.tensor(match.lookup.table.tensor).shape
        weight = program.tensor(match.product.weight.tensor).shape
        tables.append(
            Tensor(
                name=name,
                shape=(prod(shape[:-1]), weight[-2] if match.product.transposed else weight[-1]),
                precision=like.precision,
                role=Role.TABLE,
                scaling=like.scaling,
            )
        )
    return tuple(tables)


def _search(
    program: Program, found: Iterable[_Match], tables: Iterable[Tensor], used: Collection[str]
) -> Steered | None:
    """The marks of the search, on the new table where the one that they name is gone."""
    search = program.search
    if isinstance(search, SymbolLoop) and search.table not in used:
        renamed = {match.lookup.table.tensor: table.name for match, table in zip(found, tables, strict=True)}
        return replace(search, table=renamed[search.table])
    return search

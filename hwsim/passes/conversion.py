"""Values that are wanted in two formats: kept in both, by a conversion where they are made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from hwsim.ir.functions import Function
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Apply, Conv, Elementwise, Gemm, Op
from hwsim.ir.program import Loop, Node, Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.passes.views import with_views
from hwsim.quantities.precision import Precision


def splittable(program: Program) -> tuple[str, ...]:
    """The tensors that can be kept twice: made by ops, for products and for other ops, and copied by none."""
    by_products: set[str] = set()
    by_others: set[str] = set()
    made: set[str] = set()
    bound: set[str] = set()
    for placed in program.placed():
        op, rules = placed.op, op_spec(placed.op)
        read, written = ({view.tensor for view in views(op)} for views in (rules.reads, rules.writes))
        (by_products if isinstance(op, (Gemm, Conv)) else by_others).update(read)
        made |= written
        bound |= {view.tensor for view in rules.copies(op)} | read & written
    found = (by_products & by_others & made) - bound
    return tuple(sorted(name for name in found if program.tensor(name).role is not Role.STATE))


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is kept twice: products read a tensor, other ops its wide twin; and the format of each tensor."""

    twins: Mapping[str, str]
    formats: Mapping[str, Precision]

    def of(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The nodes with their conversions."""
        return tuple(one for node in nodes for one in self._converted(node))

    def _converted(self, node: Node) -> Iterator[Node]:
        if isinstance(node, Loop):
            yield replace(node, body=self.of(node.body))
            return
        written = [view for view in op_spec(node).writes(node) if view.tensor in self.twins]
        if isinstance(node, Elementwise):
            yield self._one_format_a_step(self._written_twice(node))
            return
        yield self._widened(node)
        for view in written:
            yield Elementwise(
                name=f"{node.name}.convert",
                reads=(("wide", self._wide(view)),),
                chain=(Apply(function=Function.REQUANTIZE, args=("wide",), result="out"),),
                writes=(("out", view),),
            )

    def _wide(self, view: View) -> View:
        twin = self.twins.get(view.tensor)
        return view if twin is None else replace(view, tensor=twin)

    def _widened(self, op: Op) -> Op:
        """The op on the twins of what it touches; a product reads the tensors themselves."""
        if not self.twins:
            return op
        if isinstance(op, (Gemm, Conv)):
            return replace(op, out=self._wide(op.out))
        changed = with_views(op, self._wide)
        assert not isinstance(changed, Loop)
        return changed

    def _written_twice(self, op: Elementwise) -> Elementwise:
        """The chain on the twins of what it reads; what it makes for products too, it also writes unconverted."""
        if not any(view.tensor in self.twins for _, view in (*op.reads, *op.writes)):
            return op
        converted = _conversions(op)
        chain, writes, unconverted = list(op.chain), [], []
        for local, view in op.writes:
            if view.tensor in self.twins:
                if local not in converted:
                    chain.append(Apply(function=Function.REQUANTIZE, args=(local,), result=_unused(op, chain)))
                    local = chain[-1].result
                source = converted[local].args[0] if local in converted else chain[-1].args[0]
                unconverted.append((source, self._wide(view)))
            writes.append((local, view))
        reads = tuple((local, self._wide(view)) for local, view in op.reads)
        return replace(op, reads=reads, chain=tuple(chain), writes=(*writes, *unconverted))

    def _one_format_a_step(self, op: Elementwise) -> Elementwise:
        """The chain with a conversion of its own for each format in which a converted value is written."""
        converted = _conversions(op)
        chain, writes = list(op.chain), []
        made: dict[str, dict[Precision, str]] = {}
        for local, view in op.writes:
            if local in converted:
                known = made.setdefault(local, {self.formats[view.tensor]: local})
                precision = self.formats[view.tensor]
                if precision not in known:
                    known[precision] = _unused(op, chain)
                    chain.append(replace(converted[local], result=known[precision]))
                local = known[precision]
            writes.append((local, view))
        return op if len(chain) == len(op.chain) else replace(op, chain=tuple(chain), writes=tuple(writes))


def _conversions(op: Elementwise) -> dict[str, Apply]:
    """The steps of a chain that bring a value to the format in which it is written."""
    return {step.result: step for step in op.chain if step.function is Function.REQUANTIZE}


def _unused(op: Elementwise, chain: list[Apply]) -> str:
    """A name for one more value of a chain."""
    taken = {local for local, _ in (*op.reads, *op.constants)} | {step.result for step in chain}
    return next(name for n in count(1) if (name := "out" if n == 1 else f"out {n}") not in taken)

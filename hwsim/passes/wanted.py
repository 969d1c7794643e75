"""Formats that the ops of a program want for each value, by the ops that read and write it.

Tensors between which ops copy have one format, so they are decided together, as one group. In a group that products
read, each of them asks for its own format of activations, of weights, or of caches where the second operand is made
while the model runs. All other ops read a group in one format:

1. that which a tensor of the group says itself (`format_of`);
2. for gains, offsets and biases, that of biases, by the policy of the op that reads them;
3. what a product writes: that of its state;
4. what any other op writes: that of the first value which this op reads;
5. what no op writes: that of the first value which the first op that reads it writes.

A tensor that products and other ops want in two formats is kept in both: as itself, and as a wide twin (`Conversion`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from itertools import count

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Loop, Node, ops_in, views_of, with_views
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Apply, Conv, Elementwise, Function, Gemm, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision, Purpose

Wish = tuple[FormatOf, ...]
"""Of several formats the widest, of equals the first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The formats in which products read a tensor, and the format in which all other ops read it."""

    by_products: Wish
    by_others: Wish


def wanted(program: Program) -> dict[str, Wanted]:
    """Of each tensor of values, in which formats ops want it."""
    groups = _groups(program)
    wishes: dict[_Group, Wish] = {}
    # In the order of the ops, so that what a group follows is known before it.
    ordered = dict.fromkeys(
        groups[view.tensor] for op in ops_in(*program.body) for view in _values(views_of(op), groups)
    )
    for group in ordered:
        wishes[group] = _asked_by_others(group, groups, wishes)
    return {name: Wanted(tuple(group.products), wishes[group]) for name, group in groups.items()}


def ruled_ops(program: Program) -> tuple[str, ...]:
    """The ops that rules may name, in program order: products, and ops that a tensor's `format_of` names."""
    named = {tensor.format_of.op for tensor in program.tensors if tensor.format_of is not None}
    return tuple(op.name for op in ops_in(*program.body) if isinstance(op, (Gemm, Conv)) or op.name in named)


@dataclass(slots=True, eq=False)
class _Group:
    """Tensors between which ops copy, and what ops do with them."""

    tensors: list[Tensor] = field(default_factory=list)
    products: list[FormatOf] = field(default_factory=list)
    biases: list[FormatOf] = field(default_factory=list)
    sums: list[FormatOf] = field(default_factory=list)
    writers: list[Op] = field(default_factory=list)
    readers: list[Op] = field(default_factory=list)
    touched: list[Op] = field(default_factory=list)

    @property
    def stated(self) -> Wish:
        """The format that the group has whatever other groups have; empty, if there is none."""
        said = [tensor.format_of for tensor in self.tensors if tensor.format_of is not None]
        return next(((wishes[0],) for wishes in (said, self.biases, self.sums) if wishes), ())

    @property
    def fallback(self) -> Wish:
        """The state format of the first op that touches the group, where the graph tells nothing."""
        return (FormatOf(op=self.touched[0].name, purpose=Purpose.STATE),)


def _groups(program: Program) -> dict[str, _Group]:
    """The group of each tensor of values, by name."""
    groups: dict[str, _Group] = {}
    for tensor in program.tensors:
        if tensor.precision.floating:
            groups[tensor.name] = _Group(tensors=[tensor])
    ops = tuple(ops_in(*program.body))
    for op in ops:
        first, *others = [groups[view.tensor] for view in op_spec(op).copies(op) if view.tensor in groups] or [_Group()]
        for other in others:
            if other is not first:
                first.tensors += other.tensors
                groups |= dict.fromkeys((tensor.name for tensor in other.tensors), first)
    for op in ops:
        _note(op, groups)
    return groups


def _note(op: Op, groups: dict[str, _Group]) -> None:
    """Note what an op does with the groups that it reads and writes."""
    rules = op_spec(op)
    copied = set(rules.copies(op))
    for view in _values(views_of(op), groups):
        groups[view.tensor].touched.append(op)
    if isinstance(op, (Gemm, Conv)):
        _note_product(op, groups)
        return
    for view in _values(rules.reads(op), groups):
        group = groups[view.tensor]
        if any(tensor.role is Role.BIAS for tensor in group.tensors):
            group.biases.append(FormatOf(op=op.name, purpose=Purpose.BIAS))
        elif view not in copied:
            group.readers.append(op)
    for view in _values(rules.writes(op), groups):
        if view not in copied:
            groups[view.tensor].writers.append(op)


def _note_product(op: Gemm | Conv, groups: dict[str, _Group]) -> None:
    weight = groups[op.weight.tensor]
    given = any(tensor.role.parameter for tensor in weight.tensors)
    groups[op.act.tensor].products.append(FormatOf(op=op.name, purpose=Purpose.ACTIVATION))
    weight.products.append(FormatOf(op=op.name, purpose=Purpose.WEIGHT if given else Purpose.CACHE))
    if op.bias is not None:
        groups[op.bias.tensor].biases.append(FormatOf(op=op.name, purpose=Purpose.BIAS))
    groups[op.out.tensor].sums.append(FormatOf(op=op.name, purpose=Purpose.STATE))


def _values(views: Iterable[View], groups: dict[str, _Group]) -> Iterator[View]:
    """The views of values: places and symbols have no group."""
    return (view for view in views if view.tensor in groups)


def _asked_by_others(group: _Group, groups: dict[str, _Group], wishes: dict[_Group, Wish]) -> Wish:
    """The format in which ops that are no products read a group: the stated one, or that of a group it follows."""
    waiting, visited = [group], set[_Group]()
    while waiting:
        current = waiting.pop()
        wish = wishes.get(current, current.stated)
        if wish:
            return wish
        visited.add(current)
        waiting += [other for other in reversed(_followed(current, groups)) if other not in visited]
    return group.fallback


def _followed(group: _Group, groups: dict[str, _Group]) -> list[_Group]:
    """The groups whose format a group may have, the likeliest first: what its writers read, what its readers write."""
    read = [view for op in group.writers for view in op_spec(op).reads(op)]
    written = [view for op in group.readers for view in op_spec(op).writes(op)]
    followed = (groups[view.tensor] for view in _values((*read, *written), groups))
    return [other for other in followed if not any(tensor.role.parameter for tensor in other.tensors)]


def splittable(program: Program) -> tuple[str, ...]:
    """The tensors that can be kept twice: written by ops, read by products and by other ops, and copied by none."""
    by_products: set[str] = set()
    by_others: set[str] = set()
    produced: set[str] = set()
    bound: set[str] = set()
    for placed in program.placed():
        op, rules = placed.op, op_spec(placed.op)
        read, written = ({view.tensor for view in views(op)} for views in (rules.reads, rules.writes))
        (by_products if isinstance(op, (Gemm, Conv)) else by_others).update(read)
        produced |= written
        bound |= {view.tensor for view in rules.copies(op)} | read & written
    candidates = (by_products & by_others & produced) - bound
    return tuple(sorted(name for name in candidates if program.tensor(name).role is not Role.STATE))


@dataclass(frozen=True, slots=True)
class Conversion:
    """Tensors kept twice (products read the tensor, other ops its wide twin), and the format of each tensor."""

    twins: Mapping[str, str]
    formats: Mapping[str, Precision]

    def of(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The nodes with their conversions."""
        return tuple(converted for node in nodes for converted in self._converted(node))

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
        """The op on the twins of its tensors; a product reads the tensors themselves."""
        if not self.twins:
            return op
        if isinstance(op, (Gemm, Conv)):
            return replace(op, out=self._wide(op.out))
        changed = with_views(op, self._wide)
        assert not isinstance(changed, Loop)
        return changed

    def _written_twice(self, op: Elementwise) -> Elementwise:
        """The chain on the twins of what it reads; values that products read too are also written unconverted."""
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
        results: dict[str, dict[Precision, str]] = {}
        for local, view in op.writes:
            if local in converted:
                by_format = results.setdefault(local, {self.formats[view.tensor]: local})
                precision = self.formats[view.tensor]
                if precision not in by_format:
                    by_format[precision] = _unused(op, chain)
                    chain.append(replace(converted[local], result=by_format[precision]))
                local = by_format[precision]
            writes.append((local, view))
        return op if len(chain) == len(op.chain) else replace(op, chain=tuple(chain), writes=tuple(writes))


def _conversions(op: Elementwise) -> dict[str, Apply]:
    """The steps of a chain that bring a value to the format in which it is written."""
    return {step.result: step for step in op.chain if step.function is Function.REQUANTIZE}


def _unused(op: Elementwise, chain: list[Apply]) -> str:
    """A name for one more value of a chain."""
    taken = {local for local, _ in (*op.reads, *op.constants)} | {step.result for step in chain}
    return next(name for n in count(1) if (name := "out" if n == 1 else f"out {n}") not in taken)

"""Who decides the format of each tensor of a program: the ops that read and write it, whatever the plan says.

Tensors between which ops copy have one format, so they are decided together, as one group. In a group that products
read, each of them asks for its own format of activations, of weights, or of caches where the second operand is made
while the model runs. What else becomes of a group, other ops read in the format that they work in:

1. that which a tensor of the group says itself (`format_of`);
2. for gains, offsets and biases, that of biases, by the policy of the op that reads them;
3. what a product writes: that of its state;
4. what any other op writes: that of the first value which this op reads;
5. what no op writes: that of the first value which the first op that reads it writes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import FormatOf, Role, Tensor
from hwsim.ir.view import View
from hwsim.quantities.precision import Purpose

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
    known: dict[_Group, Wish] = {}
    # In the order of the ops, so that what a group follows is known before it.
    ordered = dict.fromkeys(groups[view.tensor] for op in _ops(program) for view in _values(_views(op), groups))
    for group in ordered:
        known[group] = _asked_by_others(group, groups, known)
    return {name: Wanted(tuple(group.products), known[group]) for name, group in groups.items()}


def ruled_ops(program: Program) -> tuple[str, ...]:
    """The ops that rules may name, in their order: products, and those that a tensor names; others follow these."""
    named = {tensor.format_of.op for tensor in program.tensors if tensor.format_of is not None}
    return tuple(op.name for op in _ops(program) if isinstance(op, (Gemm, Conv)) or op.name in named)


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
    def own(self) -> Wish:
        """The format that the group has whatever other groups have; empty, if there is none."""
        said = [tensor.format_of for tensor in self.tensors if tensor.format_of is not None]
        return next(((wishes[0],) for wishes in (said, self.biases, self.sums) if wishes), ())

    @property
    def fallback(self) -> Wish:
        """The state of the first op that has to do with it, where the graph tells nothing."""
        return (FormatOf(op=self.touched[0].name, purpose=Purpose.STATE),)


def _groups(program: Program) -> dict[str, _Group]:
    """The group of each tensor of values, by name."""
    groups: dict[str, _Group] = {}
    for tensor in program.tensors:
        if tensor.precision.floating:
            groups[tensor.name] = _Group(tensors=[tensor])
    ops = _ops(program)
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
    for view in _values(_views(op), groups):
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


def _ops(program: Program) -> list[Op]:
    return [placed.op for placed in program.placed()]


def _views(op: Op) -> tuple[View, ...]:
    return (*op_spec(op).reads(op), *op_spec(op).writes(op))


def _values(views: Iterable[View], groups: dict[str, _Group]) -> Iterator[View]:
    """The views of values: places and symbols have no group."""
    return (view for view in views if view.tensor in groups)


def _asked_by_others(group: _Group, groups: dict[str, _Group], known: dict[_Group, Wish]) -> Wish:
    """The format in which ops that are no products read a group: its own, or the next one that it follows."""
    waiting, seen = [group], set[_Group]()
    while waiting:
        one = waiting.pop()
        found = known.get(one, one.own)
        if found:
            return found
        seen.add(one)
        waiting += [other for other in reversed(_followed(one, groups)) if other not in seen]
    return group.fallback


def _followed(group: _Group, groups: dict[str, _Group]) -> list[_Group]:
    """The groups whose format a group may have, the likeliest first: what its writers read, what its readers write."""
    read = [view for op in group.writers for view in op_spec(op).reads(op)]
    written = [view for op in group.readers for view in op_spec(op).writes(op)]
    found = (groups[view.tensor] for view in _values((*read, *written), groups))
    return [other for other in found if not any(tensor.role.parameter for tensor in other.tensors)]

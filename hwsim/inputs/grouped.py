"""A model file's ops in the parts that a workload file makes of them by patterns of names."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from hwsim.errors import InvalidValue
from hwsim.ir.renaming import Named, renamed, renamed_view
from hwsim.ir.workload import Workload
from hwsim.passes.precision import workload_of
from hwsim.quantities.precision import PrecisionPlan
from hwsim.tensor.carried import Carried
from hwsim.tensor.carried import Named as NamedValue


def in_parts(work: Workload, parts: tuple[tuple[str, str], ...], precision: str | PrecisionPlan) -> Workload:
    """The workload with the name of its part before each name that the part's pattern matches.

    Floats are under a plan, whose rules match the new names.
    """
    ops = [placed.op.name for placed in work.program.placed()]
    for part, pattern in parts:
        if not any(fnmatchcase(name, pattern) for name in ops):
            near = ", ".join(dict.fromkeys(name.partition(".")[0] for name in ops[:200]))
            raise InvalidValue(f"parts.{part}", pattern, f"matches no op; names begin with {near[:200]}")

    def named(name: str) -> str:
        part = next((part for part, pattern in parts if fnmatchcase(name, pattern)), None)
        return name if part is None else f"{part}.{name}"

    carried = work.carried
    assert isinstance(carried, Carried)
    moved = _carried(carried, named, parts, precision)
    if work.network is not None:
        whole = workload_of(renamed(work.network, named), precision, audio=work.audio)
        return replace(whole, carried=moved)
    if isinstance(precision, PrecisionPlan) and precision.rules:
        raise InvalidValue("precision.rules", precision.rules[0].match, "has no say: the file is quantised already")
    return replace(work, program=renamed(work.program, named), carried=moved)


def _carried(
    carried: Carried, named: Named, parts: tuple[tuple[str, str], ...], precision: str | PrecisionPlan
) -> Carried:
    def value(one: NamedValue) -> NamedValue:
        return replace(one, view=renamed_view(one.view, named))

    def again(shapes: Mapping[str, tuple[int, ...]]) -> Workload | None:
        assert carried.for_shapes is not None
        made = carried.for_shapes(shapes)
        return None if made is None else in_parts(made, parts, precision)

    return replace(
        carried,
        numbers={named(name): numbers for name, numbers in carried.numbers.items()},
        grids={named(name): grid for name, grid in carried.grids.items()},
        rules={named(name): rule for name, rule in carried.rules.items()},
        nodes={node: named(op) for node, op in carried.nodes.items()},
        inputs=tuple(map(value, carried.inputs)),
        outputs=tuple(map(value, carried.outputs)),
        lasting=tuple(map(named, carried.lasting)),
        for_shapes=None if carried.for_shapes is None else again,
    )

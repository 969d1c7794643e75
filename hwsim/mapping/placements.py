"""Where each tensor of a planned program is, and why."""

from hwsim.ir.ops import Conv, Gemm, Op
from hwsim.ir.tensor import Role
from hwsim.mapping.analysed_program import columns_of, parameters_of
from hwsim.mapping.liveness import Span
from hwsim.mapping.plan import Plan
from hwsim.mapping.weight_layout import laid_out
from hwsim.schedule.schedule import Placement, Residency


def placements(plan: Plan) -> tuple[Placement, ...]:
    """Where each tensor of the program is, and why."""
    return tuple(_placement(name, plan) for name in sorted(plan.analysed.uses.tensors))


def two_spaces(plan: Plan) -> tuple[Placement, ...]:
    """The placements of tensors with two spaces, the only ones on which times depend."""
    return tuple(_placement(name, plan) for name in plan.analysed.two_spaces)


def _placement(name: str, plan: Plan) -> Placement:
    uses = plan.analysed.uses.tensors[name]
    tensor, (size, layout) = uses.tensor, laid_out(name, plan)
    if name in plan.analysed.elided:
        return Placement(tensor=name, place=Residency.FUSED, bytes=size, why="read only on the tiles that make it")
    if name in plan.kept:
        spaces = uses.spaces
        kept = plan.bytes_of(name, size)
        why = "fits beside the working sets while it is needed" + (", in two spaces" if spaces == 2 else "")
        why += "" if plan.on_cores is None else plan.on_cores.remark(name)
        return Placement(
            tensor=name, place=Residency.KEPT, bytes=size, kept_bytes=kept * spaces, spaces=spaces, why=why
        )
    if name in plan.prefixes:
        prefix = plan.prefixes[name]
        why = f"{prefix.rows:,} of {prefix.all_rows:,} rows fit beside all else that stays; the others are stored"
        return Placement(tensor=name, place=Residency.PARTLY, bytes=size, kept_bytes=prefix.bytes, why=why)
    if not tensor.role.given:
        why = (
            "the workload wants it outside" if tensor.role is Role.OUTPUT else _no_room(name, size * uses.spaces, plan)
        )
        return Placement(tensor=name, place=Residency.SPILLED, bytes=size, spaces=uses.spaces, why=why)
    resident = plan.residents.get(name)
    if resident is None:
        together = _resident_with_others(name, plan)
        if together is not None:
            return Placement(tensor=name, place=Residency.RESIDENT, bytes=size, kept_bytes=size, why=together)
        return Placement(tensor=name, place=Residency.STREAMED, bytes=size, why=_why_streamed(name, plan) + layout)
    whole = resident.loaded >= size
    why = f"loaded once before {resident.loop}" + ("" if whole else f"; {resident.bytes:,} bytes fit{_rounded(plan)}")
    place = Residency.RESIDENT if whole else Residency.PARTLY
    return Placement(tensor=name, place=place, bytes=size, kept_bytes=resident.bytes, why=why + layout)


def _no_room(name: str, size: int, plan: Plan) -> str:
    """Slots are reserved before blocks are chosen, because that choice depends on what is kept."""
    if plan.naive:
        return "nothing stays between ops in this plan"
    live_range: Span = plan.analysed.live_range(name)
    most, place = max((plan.reserved[place], -place) for place in range(live_range.first, live_range.last + 1))
    op = plan.analysed.uses.placed[-place].op.name
    divisor = plan.strategy(-place).working_set_divisor
    return (
        f"{size:,} bytes do not fit beside residents, kept tensors and {most:,} bytes reserved for the slots of {op}: "
        f"its largest square blocks within 1/{divisor} of the scratchpad; "
        "the blocks it runs in may take less"
    )


def _resident_with_others(name: str, plan: Plan) -> str | None:
    """Why a tensor stays, if every op that reads it has its parameters resident, else None."""
    uses = plan.analysed.uses.tensors[name]
    if not uses.tensor.role.parameter or any(_weight_of(use.op) == name for use in uses.uses):
        return None
    loops = []
    for use in uses.uses:
        names = columns_of(use.op.name), parameters_of(use.op.name)
        loops.append(next((plan.residents[resident].loop for resident in names if resident in plan.residents), None))
    return None if None in loops else f"loaded once before {', '.join(dict.fromkeys(map(str, loops)))}"


def _weight_of(op: Op) -> str | None:
    """The weight of a product on the array, where tiles of it may stay."""
    if isinstance(op, Gemm):
        return None if op.on_vector else op.weight.tensor
    return op.weight.tensor if isinstance(op, Conv) else None


def _why_streamed(name: str, plan: Plan) -> str:
    if any(item.name == name for item in plan.items):
        return f"no room beside residents that save more traffic{_rounded(plan)}"
    return "nothing stays in this plan" if plan.naive else "comes from outside with every read"


def _rounded(plan: Plan) -> str:
    return f", in sizes rounded up to {plan.rounded:,} bytes" if plan.rounded else ""

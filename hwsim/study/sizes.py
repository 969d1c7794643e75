"""How large workloads are: parameters, products for each second of audio, bytes in several precisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hwsim.ir.op_table import op_spec
from hwsim.ir.workload import Workload, part_of
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.passes.workload import in_precision

POLICIES = ("fp32", "fp16", "w8a8", "w4a8", "w4a16g32")
"""Whole-model policies in which sizes are shown; in the last one 32 weights share a scale."""


@dataclass(frozen=True, slots=True)
class PartSize:
    """One part of a workload; `stored_bytes` are those under each policy, scales counted."""

    workload: str
    part: str
    parameters: int
    products_per_second: Fraction  # for each second of audio of one utterance
    stored_bytes: tuple[int, ...]


def part_sizes(recipe: AnyRecipe, policies: Sequence[str] = POLICIES) -> tuple[PartSize, ...]:
    """All parts that have parameters or products, in the order in which they run."""
    work = workload(recipe)
    works = [in_precision(work, policy) for policy in policies]
    sizes = [work.sizes for work in works]
    products = _products(works[0])
    return tuple(
        PartSize(
            workload=recipe.name,
            part=part,
            parameters=sizes[0][part].parameters if part in sizes[0] else 0,
            products_per_second=products.get(part, 0) / (works[0].audio_seconds * works[0].utterances),
            stored_bytes=tuple(size[part].stored_bytes if part in size else 0 for size in sizes),
        )
        for part in dict.fromkeys([*products, *sizes[0]])
    )


def _products(work: Workload) -> dict[str, int]:
    """Products of each part that makes any."""
    found: dict[str, int] = {}
    for instance in work.program.instances():
        count = instance.times * op_spec(instance.op).macs(instance.op, instance.shape)
        if count:
            part = part_of(instance.op.name)
            found[part] = found.get(part, 0) + count
    return found

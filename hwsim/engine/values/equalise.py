"""Cross-layer equalisation: channels between two products get weights of equal ranges on both sides.

M. Nagel, M. van Baalen, T. Blankevoort and M. Welling, "Data-free quantization through weight equalization and bias
correction", ICCV 2019 (arXiv 1906.04721), section 4.1. Where f(s·x) = s·f(x) for every s above 0, as of the identity
and of max(x, 0), W₂ f(W₁ x + b₁) stays what it is if channel i of W₁ and b₁ is divided by sᵢ and that of W₂ multiplied.
With sᵢ = √(r₁ᵢ · r₂ᵢ) ÷ r₂ᵢ both ranges become √(r₁ᵢ · r₂ᵢ). Pairs in a row are gone over until nothing moves.
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.engine.values.tensor_store import outputs
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Function, Gemm, Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SWEEPS, STILL = 50, 1e-3
"""Times that pairs are gone over at most, and by how much factors then differ from 1 at most (assumed: the paper says
until convergence)."""


@dataclass(frozen=True, slots=True)
class Between:
    """Two products with channels between them that nothing else touches."""

    first: Gemm | Conv
    second: Gemm | Conv


def pairs_of(program: Program, kept: Collection[str] = ()) -> tuple[Between, ...]:
    """The pairs of a program that may be equalised, in program order; tensors in `kept` are wanted as they are.

    Both products stand outside of loops, with weights that nothing else reads, of one matrix each; between them lies
    nothing, or chains of max(x, 0) alone.
    """
    readers: dict[str, list[Op]] = {}
    writers: dict[str, list[Op]] = {}
    looped = {placed.op.name for placed in program.placed() if placed.loops}
    for op in (placed.op for placed in program.placed()):
        for name in dict.fromkeys(view.tensor for view in op_spec(op).reads(op)):
            readers.setdefault(name, []).append(op)
        for name in dict.fromkeys(view.tensor for view in op_spec(op).writes(op)):
            writers.setdefault(name, []).append(op)
    wanted = {*kept, *outputs(program)}

    def alone(name: str) -> bool:
        plain = program.tensor(name).role is not Role.STATE and name not in wanted
        return plain and len(readers.get(name, ())) == 1 and len(writers.get(name, ())) == 1

    def of_its_own(op: Gemm | Conv) -> bool:
        views = [op.weight] if op.bias is None else [op.weight, op.bias]
        given = all(program.tensor(view.tensor).role.parameter and _whole(view) for view in views)
        turned = isinstance(op, Gemm) and (op.transposed or op.row_scales is not None)
        one = np.prod(program.tensor(op.weight.tensor).shape[:-2], dtype=int) == 1
        single = all(len(readers[view.tensor]) == 1 for view in views)
        return given and single and one and not turned and op.name not in looped and op.act_zero is None

    def reader_of(op: Gemm | Conv) -> Gemm | Conv | None:
        """The product that reads the channels of another one, and nothing else does."""
        view, channels = op.out, program.tensor(op.weight.tensor).shape[-1]
        while _whole(view) and program.tensor(view.tensor).shape[-1] == channels and alone(view.tensor):
            (other,) = readers[view.tensor]
            if isinstance(other, (Gemm, Conv)):
                fits = other.act.tensor == view.tensor and _keeps_channels(other.act, program)
                rows = program.tensor(other.weight.tensor).shape[-2]
                fits = fits and (rows % channels == 0 if isinstance(other, Conv) else rows == channels)
                return other if fits and of_its_own(other) else None
            if not isinstance(other, Elementwise) or not _is_rectifier(other):
                return None
            ((_, view),) = other.writes
        return None

    products = [op for op in (placed.op for placed in program.placed()) if isinstance(op, (Gemm, Conv))]
    found = ((op, reader_of(op)) for op in products if of_its_own(op))
    return tuple(Between(first, second) for first, second in found if second is not None)


def _whole(view: View) -> bool:
    return not view.windows and view.order is None


def _keeps_channels(view: View, program: Program) -> bool:
    """Whether a view shows all of the last axis, as its last axis."""
    last = len(program.tensor(view.tensor).shape) - 1
    in_place = view.order is None or view.order[-1] == last
    return in_place and all(window.axis != last for window in view.windows)


def _is_rectifier(op: Elementwise) -> bool:
    """Whether a chain reads and writes one whole tensor, each element as it is or as 0 where it is below 0."""
    if len(op.reads) != 1 or len(op.writes) != 1 or not _whole(op.reads[0][1]) or not _whole(op.writes[0][1]):
        return False
    zeros = {local for local, value in op.constants if value == 0}
    values = {op.reads[0][0]}
    for step in op.chain:
        args = [arg for arg in step.args if arg not in zeros]
        passes = step.function is Function.REQUANTIZE or (step.function is Function.MAX and len(step.args) == 2)
        if not passes or len(args) != 1 or args[0] not in values:
            return False
        values.add(step.result)
    return op.writes[0][0] in values


def equalised(program: Program, parameters: Mapping[str, Floats], kept: Collection[str] = ()) -> dict[str, Floats]:
    """All parameters of a program, those of its pairs equalised."""
    pairs = pairs_of(program, kept)
    names = {view.tensor for pair in pairs for op in (pair.first, pair.second) for view in (op.weight,)}
    weights = {name: np.array(parameters[name], np.float64) for name in names}
    divided: dict[str, Doubles] = {}
    for _ in range(SWEEPS):
        moved = 0.0
        for pair in pairs:
            first, second = weights[pair.first.weight.tensor], weights[pair.second.weight.tensor]
            factors = _factors(first, second)
            first /= factors
            by_channel = second.reshape(-1, len(factors), second.shape[-1])
            by_channel *= factors[:, None]
            name = pair.first.name
            divided[name] = divided.get(name, np.ones(len(factors))) * factors
            moved = max(moved, float(np.abs(factors - 1).max()))
        if moved <= STILL:
            break
    found = dict(parameters) | {name: values.astype(np.float32) for name, values in weights.items()}
    for op in (pair.first for pair in pairs):
        if op.bias is not None:
            bias = parameters[op.bias.tensor]
            found[op.bias.tensor] = (bias / divided[op.name].reshape(bias.shape)).astype(np.float32)
    return found


def _factors(first: Doubles, second: Doubles) -> Doubles:
    """By what each channel between two weights is divided on the first side: 1 where either side has zeros alone."""
    ranges = np.abs(first).reshape(-1, first.shape[-1]).max(axis=0)
    others = np.abs(second).reshape(-1, len(ranges), second.shape[-1]).max(axis=(0, 2))
    both = (ranges > 0) & (others > 0)
    return np.where(both, np.sqrt(np.where(both, ranges, 1.0) / np.where(both, others, 1.0)), 1.0)

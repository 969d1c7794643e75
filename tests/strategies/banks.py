"""Banks of scratchpads, and products whose operands lie there in all ways, drawn from a seed."""

from dataclasses import replace
from math import prod
from random import Random

from hwsim.hardware.chip import Chip
from hwsim.ir.ops import Conv, ConvAxis, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import Affine, View, Window
from hwsim.mapping.bank_conflicts import Lines
from hwsim.mapping.target import Banks
from hwsim.quantities.precision import Precision
from strategies.programs import program, tensor

FORMATS = (Precision.INT3, Precision.INT4, Precision.INT8, Precision.FP16)


def draw_banks(rng: Random) -> tuple[Lines, Banks]:
    """Lines, and the banks that serve them."""
    port = rng.choice((1, 2, 3, 4, 8))
    banks = Banks(
        rng.choice([count for count in (1, 2, 3, 4, 5, 8, 16) if count >= port]), rng.choice((1, 2, 4, 8)), port
    )
    return Lines(rng.random() < 0.5, rng.choice((1, 2, 3, 4, 7, 8, 16))), banks


def draw_view(rng: Random, name: str, shape: list[int], precision: Precision) -> tuple[View, Tensor]:
    """A view of that shape: windows of a larger tensor, or axes in another order."""
    order = list(range(len(shape)))
    rng.shuffle(order)
    stored = [0] * len(shape)
    for place, axis in enumerate(order):
        stored[axis] = shape[place]
    windows, sizes = [], []
    for axis, count in enumerate(stored):
        every, start = rng.choice((1, 1, 2, 3)), rng.randrange(3)
        whole = rng.random() < 0.5
        sizes.append(count if whole else start + every * (count - 1) + 1 + rng.randrange(4))
        if not whole:
            windows.append(Window(axis=axis, start=Affine(base=start), count=count, every=every))
    view = View(tensor=name, windows=tuple(windows), order=tuple(order))
    return view, tensor(name, *sizes, precision=precision, role=Role.INPUT)


def draw_gemm(rng: Random) -> Program:
    """A product of two activations, seen through drawn views."""
    batch, m, k, n = rng.choice((1, 1, 2, 3)), rng.randint(1, 24), rng.randint(1, 24), rng.randint(1, 24)
    m, k = rng.choice((m, 4 * m)), rng.choice((k, 4 * k))
    precision, transposed = rng.choice(FORMATS), rng.random() < 0.5
    act, x = draw_view(rng, "act", [batch, m, k], precision)
    weight, w = draw_view(rng, "weight", [batch, n, k] if transposed else [batch, k, n], precision)
    op = Gemm(name="gemm", act=act, weight=weight, out=View(tensor="out"), transposed=transposed)
    return program(op, [x, w, tensor("out", batch, m, n, role=Role.OUTPUT)])


def draw_conv(rng: Random) -> Program:
    """A convolution along one axis or two, with strides, dilations, zeros around and groups."""
    groups = rng.choice((1, 1, 2))
    channels, outputs = groups * rng.randint(2, 6), groups * rng.randint(1, 3)
    axes = []
    for _ in range(rng.choice((1, 2))):
        kernel, dilation = rng.randint(1, 3), rng.randint(1, 2)
        size = dilation * (kernel - 1) + 1 + rng.randrange(12)
        axes.append(
            ConvAxis(size=size, kernel=kernel, stride=rng.randint(1, 3), dilation=dilation, before=rng.randrange(2))
        )
    taps = channels // groups * prod(axis.kernel for axis in axes)
    op = Conv(
        name="conv", act=View(tensor="act"), weight=View(tensor="weight"), out=View(tensor="out"), axes=tuple(axes),
        groups=groups,
    )  # fmt: skip
    batch = rng.choice((1, 2))
    tensors = [
        tensor("act", batch, *(axis.size for axis in axes), channels, precision=rng.choice(FORMATS), role=Role.INPUT),
        tensor("weight", groups, taps, outputs // groups, role=Role.WEIGHT),
        tensor("out", batch, *(axis.outputs for axis in axes), outputs, role=Role.OUTPUT),
    ]
    return program(op, tensors)


def banked(on: Chip, rng: Random) -> Chip:
    """The chip with its banks told apart: as many as its read port needs, or more."""
    pad = on.scratchpad
    width = rng.choice([width for width in range(1, pad.read + 1) if pad.read % width == 0])
    banks = pad.read // width * rng.choice((1, 1, 2, 3))
    size = max(1, pad.size // (banks * width)) * banks * width
    return replace(on, scratchpad=replace(pad, size=size, banks=banks, bank_width=width))


def keys_and_queries(queries: int, size: int, keys: int, apart: int) -> Program:
    """A head's queries times its keys: numbers of a byte, the rows of both so many bytes apart in memory."""
    own = (Window(axis=2, start=Affine(), count=size),)
    op = Gemm(
        name="scores", act=View(tensor="q", windows=own), weight=View(tensor="k", windows=own),
        out=View(tensor="scores"), transposed=True,
    )  # fmt: skip
    tensors = [
        tensor("q", 1, queries, apart, role=Role.INPUT),
        tensor("k", 1, keys, apart, role=Role.INPUT),
        tensor("scores", 1, queries, keys, role=Role.OUTPUT),
    ]
    return program(op, tensors)

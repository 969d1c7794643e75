"""Programs for tests: one op of a kind each, and strategies that draw them."""

from hypothesis import strategies as st

from hwsim.ir.nodes import Loop
from hwsim.ir.ops import (
    Apply,
    Conv,
    ConvAxis,
    Elementwise,
    Function,
    Gemm,
    Lookup,
    Move,
    Op,
    Quantise,
    Reduce,
    Reduction,
    Skew,
)
from hwsim.ir.program import Program
from hwsim.ir.tensor import Granularity, Role, Scaling, Tensor
from hwsim.ir.view import View
from hwsim.quantities.precision import Precision

PER_CHANNEL = Scaling(granularity=Granularity.CHANNEL)


def program(op: Op, tensors: list[Tensor], times: int = 1) -> Program:
    """One op, in a loop if it runs more than once."""
    body = (op,) if times == 1 else (Loop(name="loop", times=times, body=(op,)),)
    return Program(name="one", tensors=tuple(sorted(tensors, key=lambda t: t.name)), body=body)


def tensor(name: str, *shape: int, precision: Precision = Precision.INT8, role: Role = Role.ACTIVATION) -> Tensor:
    scaling = PER_CHANNEL if role is Role.WEIGHT and not precision.floating else Scaling()
    return Tensor(name=name, shape=shape, precision=precision, role=role, scaling=scaling)


def gemm(m: int, k: int, n: int, precision: Precision = Precision.INT8, batch: int = 1, times: int = 1) -> Program:
    op = Gemm(
        name="gemm",
        act=View(tensor="act"),
        weight=View(tensor="weight"),
        bias=View(tensor="bias"),
        out=View(tensor="out"),
    )
    tensors = [
        tensor("act", batch, m, k, precision=precision, role=Role.INPUT),
        tensor("weight", batch, k, n, precision=precision, role=Role.WEIGHT),
        tensor("bias", n, precision=Precision.INT32, role=Role.BIAS),
        tensor("out", batch, m, n, role=Role.OUTPUT),
    ]
    return program(op, tensors, times)


def conv(
    size: int, kernel: int, stride: int, dilation: int, channels: int, outputs: int, groups: int = 1, times: int = 1
) -> Program:
    """A convolution along one axis, padded so that its kernel fits."""
    reach = dilation * (kernel - 1) + 1
    axis = ConvAxis(size=size, kernel=kernel, stride=stride, dilation=dilation, before=reach // 2, after=reach // 2)
    op = Conv(
        name="conv",
        act=View(tensor="act"),
        weight=View(tensor="weight"),
        out=View(tensor="out"),
        axes=(axis,),
        groups=groups,
    )
    tensors = [
        tensor("act", 2, size, channels, role=Role.INPUT),
        tensor("weight", groups, kernel * channels // groups, outputs // groups, role=Role.WEIGHT),
        tensor("out", 2, axis.outputs, outputs, role=Role.OUTPUT),
    ]
    return program(op, tensors, times)


def elementwise(rows: int, size: int, times: int = 1) -> Program:
    """gain · x + y, requantised; the gain is one row for all."""
    op = Elementwise(
        name="chain",
        reads=(("x", View(tensor="x")), ("y", View(tensor="y")), ("gain", View(tensor="gain"))),
        chain=(
            Apply(function=Function.MUL, args=("x", "gain"), result="product"),
            Apply(function=Function.ADD, args=("product", "y"), result="sum"),
            Apply(function=Function.REQUANTIZE, args=("sum",), result="out"),
        ),
        writes=(("out", View(tensor="out")),),
    )
    tensors = [
        tensor("x", rows, size, role=Role.INPUT),
        tensor("y", rows, size, precision=Precision.INT16, role=Role.INPUT),
        tensor("gain", size, role=Role.BIAS),
        tensor("out", rows, size, role=Role.OUTPUT),
    ]
    return program(op, tensors, times)


def reduce(rows: int, size: int, reduction: Reduction, times: int = 1) -> Program:
    norm = [tensor("gain", size, role=Role.BIAS), tensor("offset", size, role=Role.BIAS)]
    norm = norm if reduction is Reduction.LAYER_NORM else []
    count = min(2, size) if reduction is Reduction.TOP else 1
    op = Reduce(
        name="reduce",
        reduction=reduction,
        read=View(tensor="x"),
        write=View(tensor="out"),
        parameters=tuple(View(tensor=parameter.name) for parameter in norm),
        count=count,
    )
    width = count if reduction.narrows else size
    return program(
        op, [tensor("x", rows, size, role=Role.INPUT), tensor("out", rows, width, role=Role.OUTPUT), *norm], times
    )


def lookup(rows: int, size: int, entries: int = 7, times: int = 1) -> Program:
    op = Lookup(name="lookup", table=View(tensor="table"), index=View(tensor="index"), out=View(tensor="out"))
    tensors = [
        tensor("table", entries, size, precision=Precision.INT4, role=Role.TABLE),
        tensor("index", rows, 1, precision=Precision.INT32, role=Role.INPUT),
        tensor("out", rows, size, precision=Precision.INT4, role=Role.OUTPUT),
    ]
    return program(op, tensors, times)


def move(rows: int, size: int, times: int = 1) -> Program:
    op = Move(name="move", read=View(tensor="x"), write=View(tensor="out"))
    return program(op, [tensor("x", rows, size, role=Role.INPUT), tensor("out", size, rows, role=Role.OUTPUT)], times)


def skew(rows: int, columns: int, times: int = 1) -> Program:
    op = Skew(name="skew", read=View(tensor="x"), write=View(tensor="out"))
    read = tensor("x", 3, rows, columns + rows - 1, role=Role.INPUT)
    return program(op, [read, tensor("out", 3, rows, columns, role=Role.OUTPUT)], times)


def quantise(rows: int, size: int, times: int = 1) -> Program:
    op = Quantise(name="quantise", read=View(tensor="x"), write=View(tensor="out"), scales=View(tensor="scales"))
    tensors = [
        tensor("x", rows, size, precision=Precision.FP16, role=Role.INPUT),
        tensor("out", rows, size, role=Role.OUTPUT),
        tensor("scales", rows, precision=Precision.FP32, role=Role.OUTPUT),
    ]
    return program(op, tensors, times)


SIZES = st.integers(1, 24)
TIMES = st.integers(1, 50)
GEMMS = st.builds(
    gemm,
    m=SIZES,
    k=SIZES,
    n=SIZES,
    precision=st.sampled_from([Precision.INT4, Precision.INT8, Precision.FP16]),
    batch=st.integers(1, 3),
    times=TIMES,
)
CONVS = st.builds(
    conv,
    size=SIZES,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    channels=st.just(6),
    outputs=st.just(6),
    groups=st.sampled_from([1, 2, 6]),
    times=TIMES,
)
VECTOR_PROGRAMS = st.one_of(
    st.builds(elementwise, rows=SIZES, size=SIZES, times=TIMES),
    st.builds(reduce, rows=SIZES, size=SIZES, reduction=st.sampled_from(Reduction), times=TIMES),
    st.builds(lookup, rows=SIZES, size=SIZES, times=TIMES),
    st.builds(move, rows=SIZES, size=SIZES, times=TIMES),
    st.builds(skew, rows=SIZES, columns=SIZES, times=TIMES),
    st.builds(quantise, rows=SIZES, size=SIZES, times=TIMES),
)
PROGRAMS = GEMMS | CONVS | VECTOR_PROGRAMS

"""Exact products of bytes, against float32 BLAS, torch and onnxruntime."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds
from benchmarks.peaks import peaks
from hwsim.kernels.cpu import has_pair_dot
from hwsim.quantities.precision import Precision
from hwsim.tensor import exact
from hwsim.tensor.gemm import matmul
from hwsim.tensor.weights import Weights

SHAPES = [(200, 256, 1024), (200, 1024, 256), (64, 640, 2560), (1024, 1024, 1024), (16, 640, 2560), (1, 1280, 2560)]
INT8 = Precision.INT8
COMPARED = (
    ("hwsim*", "blas*"), ("hwsim", "blas"), ("hwsim", "torch"), ("hwsim*", "torch"), ("hwsim*", "ort*"),
    ("pairs*", "blas*"), ("pairs", "blas"), ("pairs*", "ort*"),
)  # fmt: skip


def report() -> None:
    """GMAC/s of each, and ratios. `pairs` is what a processor without VNNI takes, on this processor."""
    best = peaks()
    print(f"peaks: vnni {best['vnni'] / 1e9:.0f} GMAC/s, float32 fma {best['fma'] / 1e9:.1f} GMAC/s")
    print("\nexact int8 × int8 → int32, GMAC/s; weights cast or packed ahead (*), or with each product")
    columns = ["hwsim*", "hwsim", "pairs*", "pairs", "blas*", "blas", "torch", "ort*"]
    print(
        f"{'m,k,n':>16}"
        + "".join(f"{name:>9}" for name in columns)
        + "  */blas*   /blas   /torch  */torch   */ort* p*/blas*  p/blas p*/ort*  of vnni"
    )
    for m, k, n in SHAPES:
        taken = seconds(_variants(m, k, n))
        rate = {name: m * k * n / each / 1e9 for name, each in taken.items()}
        line = "".join(f"{rate[name]:9.1f}" if name in rate else f"{'':>9}" for name in columns)
        ratios = "".join(f"{rate[a] / rate[b]:9.2f}" if {a, b} <= rate.keys() else f"{'':>9}" for a, b in COMPARED)
        share = f"{100 * rate['hwsim*'] * 1e9 / best['vnni']:7.0f} %" if best["vnni"] else ""
        print(f"{f'{m},{k},{n}':>16}{line}{ratios}{share}")


def _variants(m: int, k: int, n: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    act, weight = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    made, cast = Weights.of(weight, INT8), weight.astype(np.float32)

    def ours(of: Any) -> object:
        return matmul(act, of, act_precision=INT8, weight_precision=INT8)

    def by_pairs(of: Any) -> object:
        # Set by hand: a mock takes as long as a small product.
        names = vars(exact)
        before = names["has_byte_dot"]
        names["has_byte_dot"] = lambda: False
        try:
            return ours(of)
        finally:
            names["has_byte_dot"] = before

    variants: dict[str, Callable[[], object]] = {
        "hwsim*": lambda: ours(made),
        "hwsim": lambda: ours(weight),
        **({"pairs*": lambda: by_pairs(made), "pairs": lambda: by_pairs(weight)} if has_pair_dot() else {}),
        "blas*": lambda: (act.astype(np.float32) @ cast).astype(np.int32),
        "blas": lambda: (act.astype(np.float32) @ weight.astype(np.float32)).astype(np.int32),
        **_torch(act, weight),
        **_onnxruntime(act, weight),
    }
    expected = act.astype(np.float64) @ weight.astype(np.float64)
    for name, function in variants.items():
        found: Any = function()
        if not (np.asarray(getattr(found, "out", found)) == expected).all():
            print(f"  {name} is not exact for {m},{k},{n}")
    return variants


def _torch(act: Any, weight: Any) -> dict[str, Callable[[], object]]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    left, right = torch.from_numpy(act), torch.from_numpy(weight)
    return {"torch": lambda: torch._int_mm(left, right)}


def _onnxruntime(act: Any, weight: Any) -> dict[str, Callable[[], object]]:
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return {}
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        # Unsigned activations with a zero point: onnxruntime is ten times slower at signed ones.
        [helper.make_node("MatMulInteger", ["act", "weight", "zero"], ["out"])],
        "product",
        [helper.make_tensor_value_info("act", kinds.UINT8, act.shape)],
        [helper.make_tensor_value_info("out", kinds.INT32, (act.shape[0], weight.shape[1]))],
        [onnx.numpy_helper.from_array(weight, "weight"), onnx.numpy_helper.from_array(np.array(128, np.uint8), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    moved = act.view(np.uint8) ^ np.uint8(128)
    return {"ort*": lambda: session.run(None, {"act": moved})[0]}

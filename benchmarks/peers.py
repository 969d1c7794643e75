"""Products of bytes of other libraries, on one thread, where they are installed."""

from collections.abc import Callable
from typing import Any

import numpy as np

Products = dict[str, Callable[[], object]]


def torch_products(act: Any, weight: Any) -> Products:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    left, right = torch.from_numpy(act), torch.from_numpy(weight)
    return {"torch": lambda: torch._int_mm(left, right)}


def onnxruntime_products(act: Any, weight: Any) -> Products:
    """Of unsigned activations with a zero point, as onnxruntime is ten times slower at signed ones; its weights with a
    sign (u8s8) or without (u8u8), which differ in their kernels."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        return {}
    moved = act.view(np.uint8) ^ np.uint8(128)
    unsigned = weight.view(np.uint8) ^ np.uint8(128)
    return {
        "u8s8*": _session(moved, weight, np.array(0, np.int8)),
        "u8u8*": _session(moved, unsigned, np.array(128, np.uint8)),
    }


def _session(act: Any, weight: Any, zero: Any) -> Callable[[], object]:
    import onnx
    import onnxruntime

    helper, kinds, made = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["act", "weight", "act_zero", "weight_zero"], ["out"])],
        "product",
        [helper.make_tensor_value_info("act", kinds.UINT8, act.shape)],
        [helper.make_tensor_value_info("out", kinds.INT32, (act.shape[0], weight.shape[1]))],
        [made(weight, "weight"), made(np.array(128, np.uint8), "act_zero"), made(zero, "weight_zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"act": act})[0]

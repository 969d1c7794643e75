"""Parameters and inputs from a seed, with statistics by role; each tensor has a stream of its own."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.tensor_store import index_tensors
from hwsim.ir.ops import Conv, Elementwise, Gemm, Reduce, Reduction
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role

Floats = NDArray[np.float32]

STATISTICS: Mapping[str, str] = {
    "weight": "normal with the standard deviation 1/sqrt(3·K) of the uniform initialisation that the documentation of"
    " PyTorch states for Linear (K: inputs); the shape is assumed",
    "output": "four times that deviation where scores of symbols are made, so that they are as decided as those of"
    " trained networks; assumed",
    "bias": "a tenth of the deviation of the weights of the same product; assumed",
    "table": "normal with unit variance, as the documentation of PyTorch states for Embedding",
    "gain": "1 + a tenth of a normal variable; the ones are those of PyTorch's LayerNorm, the tenth is assumed",
    "offset": "a tenth of a normal variable; assumed",
    "positions": "sines and cosines of Vaswani et al., arXiv 1706.03762",
    "symbols": "uniform",
    "features": "unit variance, each frame correlated with the one before by 0.9; assumed, as after normalisation",
}
"""What each kind of tensor is drawn from, and where that comes from."""

_CORRELATION = 0.9
_SPREAD = 0.1
_DECIDED = 4.0


def parameters_from(program: Program, seed: int) -> dict[str, Floats]:
    """All parameters of a program."""
    fan_in, gains, offsets = _uses(program)
    decided = _score_weights(program)
    parameters = {}
    for tensor in program.tensors:
        if not tensor.role.parameter:
            continue
        normal = _stream(seed, tensor.name).standard_normal(tensor.shape, np.float32)
        if tensor.name in gains:
            normal = 1 + np.float32(_SPREAD) * normal
        elif tensor.name in offsets:
            normal *= np.float32(_SPREAD)
        elif tensor.name in fan_in:
            factor = _SPREAD if tensor.role is Role.BIAS else _DECIDED if tensor.name in decided else 1.0
            normal *= np.float32(factor / np.sqrt(3 * fan_in[tensor.name]))
        parameters[tensor.name] = normal
    return parameters


def inputs_from(program: Program, seed: int) -> dict[str, NDArray[Any]]:
    """All inputs of a program: floats along frames, positions, or indices of the tables that they choose from."""
    inputs: dict[str, NDArray[Any]] = {}
    indices = index_tensors(program)
    for tensor in program.tensors:
        if tensor.role is not Role.INPUT:
            continue
        if tensor.name in indices:
            # Index tables of a search, which keeps its own books and never reads them.
            inputs[tensor.name] = np.zeros(tensor.shape, np.int32)
        elif tensor.positional:
            inputs[tensor.name] = sinusoids(*tensor.shape)
        else:
            inputs[tensor.name] = _smooth(_stream(seed, tensor.name).standard_normal(tensor.shape, np.float32))
    return inputs


def sinusoids(rows: int, size: int) -> Floats:
    """Encodings of the positions rows / 2 … -rows / 2, the largest first."""
    position = (rows // 2 - np.arange(rows))[:, None]
    angle = position / 10_000 ** (np.arange(0, size, 2) / size)
    encodings = np.zeros((rows, size), np.float32)
    encodings[:, 0::2], encodings[:, 1::2] = np.sin(angle), np.cos(angle[:, : size // 2])
    return encodings


def symbols_from(program: Program, seed: int, table: str, steps: int) -> NDArray[np.int32]:
    """Symbols of a table for each step and sequence."""
    return _stream(seed, table).integers(0, program.tensor(table).shape[0], steps).astype(np.int32)


def _smooth(noise: Floats) -> Floats:
    """Each entry of the first axis correlated with the one before, at unit variance."""
    for t in range(1, len(noise)):
        noise[t] = _CORRELATION * noise[t - 1] + np.sqrt(1 - _CORRELATION**2) * noise[t]
    return noise


def _stream(seed: int, name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


def _uses(program: Program) -> tuple[dict[str, int], set[str], set[str]]:
    """Of weights and biases the inputs of their products; the gains; the offsets."""
    fan_in: dict[str, int] = {}
    gains: set[str] = set()
    offsets: set[str] = set()
    for placed in program.placed():
        op = placed.op
        if isinstance(op, (Gemm, Conv)):
            shape = program.shapes(dict.fromkeys((loop.name for loop in placed.loops), 0))(op.weight)
            inputs = shape[-1] if isinstance(op, Gemm) and op.transposed else shape[-2]
            fan_in[op.weight.tensor] = inputs
            if op.bias is not None:
                fan_in[op.bias.tensor] = inputs
        elif isinstance(op, Reduce) and op.parameters:
            gains.add(op.parameters[0].tensor)
            offsets.add(op.parameters[1].tensor)
        elif isinstance(op, Elementwise):
            _scaled_rows(op, program, gains, offsets)
    return fan_in, gains, offsets


def _scaled_rows(op: Elementwise, program: Program, gains: set[str], offsets: set[str]) -> None:
    """Parameters that a chain multiplies by are gains, those that it adds are offsets."""
    rows = {local: view.tensor for local, view in op.reads if program.tensor(view.tensor).role.parameter}
    for step in op.chain:
        for arg in step.args:
            if arg in rows:
                (gains if step.function.value == "mul" else offsets).add(rows[arg])


def _score_weights(program: Program) -> frozenset[str]:
    """The weights of products whose results are ranked or made probabilities of."""
    ranks = (Reduction.ARGMAX, Reduction.TOP, Reduction.LOG_SOFTMAX)
    ops = [placed.op for placed in program.placed()]
    ranked = {op.read.tensor for op in ops if isinstance(op, Reduce) and op.reduction in ranks}
    return frozenset(op.weight.tensor for op in ops if isinstance(op, Gemm) and op.out.tensor in ranked)

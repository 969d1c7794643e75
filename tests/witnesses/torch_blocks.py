"""The same networks in PyTorch: run as a script, it records what they make in tests/data/torch_blocks.npz.

    python tests/witnesses/torch_blocks.py

Parameters and inputs are recorded with the outputs, so that the record says all by itself. Outputs have the names of
the tensors that hold them; what is made several times is stacked.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.conformer import Conformer, ConformerEncoder, CtcHead
from hwsim.models.decoding import Greedy, Joint, Prediction
from hwsim.models.rnnt import Encoder, Rnnt

Arrays = Mapping[str, NDArray[Any]]
RECORD = Path(__file__).parents[1] / "data" / "torch_blocks.npz"
MS = 10**9
MOST_SYMBOLS = 3

CONFORMER = Conformer(
    name="small",
    audio=470 * MS,
    batch=2,
    precision="w8a8",
    encoder=ConformerEncoder(mels=11, frame=10 * MS, layers=2, size=12, heads=3, kernel=5, feed_forward=20),
    decoder=CtcHead(outputs=7),
)
RNNT = Rnnt(
    name="small",
    audio=180 * MS,
    batch=2,
    precision="w8a8",
    encoder=Encoder(features=6, frame=20 * MS, layers=2, cells=5, bidirectional=True),
    prediction=Prediction(embedding=3, cells=4, layers=2),
    joint=Joint(size=4, outputs=5),
    decoding=Greedy(symbols_per_second=Fraction(20)),
)
NETWORKS: dict[str, Workload] = {"conformer": workload(CONFORMER), "rnnt": workload(RNNT)}


def made(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and inputs of a network; batch norms and biases far from their usual values, so that all count."""
    program = NETWORKS[name].program
    return dict(parameters_from(program, 7)), dict(inputs_from(program, 7))


def by_torch(name: str, parameters: Arrays, inputs: Arrays) -> dict[str, NDArray[Any]]:
    """The outputs of a network, by the names of their tensors."""
    import torch

    torch.manual_seed(0)
    held = {key: torch.tensor(np.asarray(values)) for key, values in (parameters | inputs).items()}  # type: ignore[operator]
    with torch.no_grad():
        found = (_conformer if name == "conformer" else _rnnt)(torch, held)
    return {key: value.numpy() for key, value in found.items()}


def _linear(torch: Any, x: Any, p: Any, name: str) -> Any:
    return torch.nn.functional.linear(x, p[f"{name}.weight"].T, p.get(f"{name}.bias"))


def _norm(torch: Any, x: Any, p: Any, name: str) -> Any:
    return torch.nn.functional.layer_norm(x, x.shape[-1:], p[f"{name}.gain"], p[f"{name}.offset"])


def _conformer(torch: Any, p: Any) -> dict[str, Any]:
    f, sizes, found = torch.nn.functional, CONFORMER.encoder, {}
    x = p["features"].permute(0, 3, 1, 2)  # batch, channels, frames, mels
    for step in ("convolution_1", "convolution_2"):
        name = f"encoder.subsampling.{step}"
        kernel = p[f"{name}.weight"][0].reshape(3, 3, x.shape[1], sizes.size).permute(3, 2, 0, 1)
        x = f.relu(f.conv2d(x, kernel, p[f"{name}.bias"], stride=2))
    x = x.permute(0, 2, 3, 1).flatten(2)
    x = found["encoder.subsampling.out"] = _linear(torch, x, p, "encoder.subsampling.linear")
    for layer in range(sizes.layers):
        name = f"encoder.{layer}"
        x = found[f"{name}.feed_forward_1.add.out"] = x + 0.5 * _feed_forward(torch, x, p, f"{name}.feed_forward_1")
        attended = _attention(torch, _norm(torch, x, p, f"{name}.attention.norm"), p, f"{name}.attention")
        found[f"{name}.attention.out"] = attended
        x = x + attended
        x = found[f"{name}.convolution.add.out"] = x + _convolution(torch, x, p, f"{name}.convolution")
        x = x + 0.5 * _feed_forward(torch, x, p, f"{name}.feed_forward_2")
        x = found[f"{name}.out"] = _norm(torch, x, p, f"{name}.norm")
    x = found["encoder.out"] = _norm(torch, x, p, "encoder.norm")
    found["ctc.scores"] = _linear(torch, x, p, "ctc.output")
    return found


def _feed_forward(torch: Any, x: Any, p: Any, name: str) -> Any:
    inner = _linear(torch, _norm(torch, x, p, f"{name}.norm"), p, f"{name}.inner")
    return _linear(torch, torch.nn.functional.silu(inner), p, f"{name}.outer")


def _attention(torch: Any, x: Any, p: Any, name: str) -> Any:
    """Queries meet keys, and relative positions as in Transformer-XL."""
    batch, frames, size = x.shape
    heads = CONFORMER.encoder.heads
    head = size // heads
    query, key, value = (
        _linear(torch, x, p, f"{name}.{what}").view(batch, frames, heads, head) for what in ("query", "key", "value")
    )
    rows = _linear(torch, p["encoder.positions"], p, f"{name}.project").view(-1, heads, head)
    u, v = p[f"{name}.u"].view(heads, head), p[f"{name}.v"].view(heads, head)
    content = torch.einsum("bihd,bjhd->bhij", query + u, key)
    # The row of a distance i - j: the first one is that of the largest.
    apart = torch.arange(frames)[:, None] - torch.arange(frames)[None, :]
    position = torch.einsum("bihd,ijhd->bhij", query + v, rows[frames - 1 - apart])
    shares = torch.softmax((content + position) / head**0.5, dim=-1)
    return _linear(torch, torch.einsum("bhij,bjhd->bihd", shares, value).flatten(2), p, f"{name}.output")


def _convolution(torch: Any, x: Any, p: Any, name: str) -> Any:
    f = torch.nn.functional
    gated = f.glu(_linear(torch, _norm(torch, x, p, f"{name}.norm"), p, f"{name}.enter"), dim=-1)
    kernel = p[f"{name}.slide.weight"].permute(0, 2, 1)  # channels, 1, taps
    slid = f.conv1d(gated.mT, kernel, p[f"{name}.slide.bias"], padding=kernel.shape[-1] // 2, groups=x.shape[-1])
    gain, offset = p[f"{name}.batch_norm.gain"], p[f"{name}.batch_norm.offset"]
    normed = f.batch_norm(slid, torch.zeros(len(gain)), torch.ones(len(gain)), gain, offset, eps=0.0)
    return _linear(torch, f.silu(normed).mT, p, f"{name}.leave")


def _lstm(torch: Any, p: Any, names: list[list[str]], inputs: int, cells: int) -> Any:
    """torch.nn.LSTM with these weights: of each layer the names of its directions."""
    lstm = torch.nn.LSTM(inputs, cells, len(names), bidirectional=len(names[0]) == 2)
    for layer, directions in enumerate(names):
        for name, suffix in zip(directions, ("", "_reverse"), strict=False):
            for ours, theirs in (("input", "ih"), ("recurrent", "hh")):
                getattr(lstm, f"weight_{theirs}_l{layer}{suffix}").copy_(p[f"{name}.{ours}.weight"].T)
                getattr(lstm, f"bias_{theirs}_l{layer}{suffix}").copy_(p[f"{name}.{ours}.bias"])
    return lstm


def _rnnt(torch: Any, p: Any) -> dict[str, Any]:
    sizes, found, x = RNNT.encoder, {}, p["features"]
    for layer in range(sizes.layers):
        directions = [f"encoder.{layer}.forward", f"encoder.{layer}.backward"]
        x, _ = _lstm(torch, p, [directions], x.shape[-1], sizes.cells)(x)
        found[f"encoder.{layer}.out"] = x
    frames = _linear(torch, x, p, "joint.encoder")
    found["joint.encoder.out"] = frames.flatten(0, 1)
    size = RNNT.prediction
    predict = _lstm(torch, p, [[f"prediction.{n}"] for n in range(size.layers)], size.embedding, size.cells)
    scores, symbols = [], []
    for utterance in range(RNNT.batch):
        own, told, state, last = [], [], None, 0
        out, state = predict(p["prediction.embed.table"][last][None], state)
        for frame in frames[:, utterance]:
            for _ in range(MOST_SYMBOLS):
                hidden = torch.tanh(frame * _linear(torch, out[0], p, "joint.prediction"))
                own.append(_linear(torch, hidden, p, "joint.output"))
                last = int(own[-1].argmax())
                if last == 0:
                    break
                told.append(last)
                out, state = predict(p["prediction.embed.table"][last][None], state)
        scores.append(torch.stack(own))
        symbols.append(torch.tensor(told))
    for utterance in range(RNNT.batch):
        found[f"joint.scores.{utterance}"], found[f"symbols.{utterance}"] = scores[utterance], symbols[utterance]
    return found


def main() -> None:
    """Record."""
    arrays: dict[str, Any] = {}
    for name in NETWORKS:
        parameters, inputs = made(name)
        outputs = by_torch(name, parameters, inputs)
        for kind, held in (("parameter", parameters), ("input", inputs), ("output", outputs)):
            arrays |= {f"{name}/{kind}/{key}": values for key, values in held.items()}
    np.savez_compressed(RECORD, **arrays)


if __name__ == "__main__":
    main()

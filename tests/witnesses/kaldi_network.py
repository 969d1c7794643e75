"""A network of nnet3 by definition, frame by frame in double precision: slow, and without any of hwsim's code."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Row = Array | None
"""A row of columns, or nothing where it cannot be computed."""
Asked = Callable[[int], Row]
"""What a descriptor makes at a frame."""

CALLED = ("Append", "Sum", "Scale", "Offset", "ReplaceIndex", "Round", "IfDefined", "Failover", "Const")


class Witness:
    """A network with rows of inputs, the first of which are those of the given frames."""

    def __init__(self, lines: list[str], components: Mapping[str, tuple[str, Mapping[str, Any]]],
                 inputs: Mapping[str, tuple[int, Array]]) -> None:  # fmt: skip
        self.components, self.inputs = components, inputs
        self.nodes: dict[str, dict[str, str]] = {}
        for line in lines:
            kind, *pairs = re.split(r"\s(?=[\w-]+=)", line)
            entries = dict(pair.split("=", 1) for pair in pairs)
            self.nodes[entries["name"]] = {"kind": kind, **entries}
        self.at = cache(self._at)

    def row(self, node: str, frame: int) -> Row:
        """What a node makes at a frame."""
        return self.at(node, frame)

    def _at(self, node: str, frame: int) -> Row:
        entries = self.nodes[node]
        match entries["kind"]:
            case "input-node":
                first, rows = self.inputs[node]
                return rows[frame - first].astype(np.float64) if 0 <= frame - first < len(rows) else None
            case "output-node":
                return self.read(entries["input"])(frame)
            case "dim-range-node":
                row, first = self.at(entries["input-node"], frame), int(entries["dim-offset"])
                return None if row is None else row[first : first + int(entries["dim"])]
        kind, fields = self.components[entries["component"]]
        asked = self.read(entries["input"])
        if kind == "TdnnComponent":
            return _affine(_joined([asked(frame + tap) for tap in fields["TimeOffsets"]]), fields)
        if kind == "TimeHeightConvolutionComponent":
            return _convolved(asked, frame, fields)
        row = asked(frame)
        return None if row is None else _applied(kind, row, fields)

    def read(self, descriptor: str) -> Asked:
        """A descriptor, as Python reads it once the names of nodes are strings."""
        words = re.sub(
            r"[A-Za-z_][\w.-]*",
            lambda found: found[0] if found[0] in CALLED else f"node({found[0]!r})" if found[0] != "t" else "'t'",
            descriptor,
        )
        called = {name: globals()[f"_{name.lower()}"] for name in CALLED}
        made: Asked = eval(words, {"node": lambda name: lambda frame: self.at(name, frame), **called})
        return made


def _joined(rows: list[Row]) -> Row:
    return None if any(row is None for row in rows) else np.concatenate([row for row in rows if row is not None])


def _append(*parts: Asked) -> Asked:
    return lambda frame: _joined([part(frame) for part in parts])


def _sum(*parts: Asked) -> Asked:
    def asked(frame: int) -> Row:
        rows = [part(frame) for part in parts]
        return None if any(row is None for row in rows) else np.sum(rows, axis=0)  # type: ignore[arg-type]

    return asked


def _scale(factor: float, of: Asked) -> Asked:
    return lambda frame: None if (row := of(frame)) is None else factor * row


def _offset(of: Asked, frames: int) -> Asked:
    return lambda frame: of(frame + frames)


def _replaceindex(of: Asked, axis: str, value: int) -> Asked:
    assert axis == "t"
    return lambda frame: of(value)


def _round(of: Asked, every: int) -> Asked:
    return lambda frame: of(frame // every * every)


def _ifdefined(of: Asked) -> Asked:
    columns = None

    def asked(frame: int) -> Row:
        nonlocal columns
        row = of(frame)
        if row is None and columns is None:
            columns = next(len(found) for around in range(-99, 99) if (found := of(frame + around)) is not None)
        return np.zeros(columns or 0) if row is None else row

    return asked


def _failover(first: Asked, second: Asked) -> Asked:
    return lambda frame: second(frame) if (row := first(frame)) is None else row


def _const(value: float, columns: int) -> Asked:
    return lambda frame: np.full(columns, float(value))


def _affine(row: Row, fields: Mapping[str, Any]) -> Row:
    if row is None:
        return None
    made: Array = fields["LinearParams"].astype(np.float64) @ row
    return made + fields["BiasParams"] if fields["BiasParams"].size else made


def _convolved(asked: Asked, frame: int, fields: Mapping[str, Any]) -> Row:
    filters, made = fields["NumFiltersIn"], fields["NumFiltersOut"]
    pairs = fields["Offsets"].of
    rows = {time: asked(frame + time) for time, _ in pairs}
    if any(rows[time] is None for time in fields["RequiredTimeOffsets"]):
        return None
    out = np.tile(fields["BiasParams"].astype(np.float64), (fields["HeightOut"], 1))
    for height in range(fields["HeightOut"]):
        for place, (time, at) in enumerate(pairs):
            wanted, row = height * fields["HeightSubsampleOut"] + at, rows[time]
            if row is None or not 0 <= wanted < fields["HeightIn"]:
                continue
            block = fields["LinearParams"][:, place * filters : (place + 1) * filters].astype(np.float64)
            out[height] += block @ row[wanted * filters : (wanted + 1) * filters]
    assert out.shape[1] == made
    return out.reshape(-1)


def _applied(kind: str, row: Array, fields: Mapping[str, Any]) -> Array:
    match kind:
        case "NaturalGradientAffineComponent" | "AffineComponent" | "FixedAffineComponent":
            made = _affine(row, fields)
            assert made is not None
            return made
        case "LinearComponent":
            return np.asarray(fields["Params"].astype(np.float64) @ row)
        case "BatchNormComponent":
            blocks = row.reshape(-1, fields["BlockDim"])
            deviation = np.sqrt(fields["StatsVar"].astype(np.float64) + np.float64(np.float32(fields["Epsilon"])))
            centred = blocks - fields["StatsMean"].astype(np.float64)
            return np.asarray(np.float64(np.float32(fields["TargetRms"])) * centred / deviation).reshape(-1)
        case "RectifiedLinearComponent":
            return np.maximum(row, 0)
        case "SigmoidComponent":
            return np.asarray(1 / (1 + np.exp(-row)))
        case "TanhComponent":
            return np.tanh(row)
        case "LogSoftmaxComponent" | "SoftmaxComponent":
            logs = row - row.max() - np.log(np.exp(row - row.max()).sum())
            return np.asarray(logs if kind.startswith("Log") else np.exp(logs))
        case "NoOpComponent" | "GeneralDropoutComponent" | "SpecAugmentTimeMaskComponent":
            return row
        case "DropoutComponent":
            return row * (1 - float(np.float32(fields["DropoutProportion"])))
        case "FixedScaleComponent":
            return np.asarray(row * fields["Scales"])
        case "PerElementScaleComponent" | "NaturalGradientPerElementScaleComponent":
            return np.asarray(row * fields["Params"])
        case "FixedBiasComponent":
            return np.asarray(row + fields["Bias"])
        case "PerElementOffsetComponent":
            return np.asarray(row.reshape(-1, fields["Offsets"].size) + fields["Offsets"]).reshape(-1)
        case "ScaleAndOffsetComponent":
            blocks, scales = row.reshape(-1, fields["Scales"].size), fields["Scales"].astype(np.float64)
            kept = np.where(abs(scales) < 1e-4, np.where(scales < 0, -1e-4, 1e-4), scales)
            return np.asarray(blocks * kept + fields["Offsets"]).reshape(-1)
        case "PermuteComponent":
            return row[list(fields["ColumnMap"])]
        case "ElementwiseProductComponent":
            return np.asarray(np.prod(row.reshape(-1, fields["OutputDim"]), axis=0))
        case "NormalizeComponent":
            target = float(np.float32(fields["TargetRms"]))
            return np.asarray(row * target / np.sqrt(max((row**2).mean(), 2.0**-66 * target**2)))
    raise AssertionError(kind)

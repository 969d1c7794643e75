"""Golden products of analog tiles, and the tile that each configuration describes."""

import json
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import ROOT
from hwsim.hardware.analog.conversion import Accumulate, Adc, Axis, Encoding, InputConversion, Range, Rounding, Scaling
from hwsim.hardware.analog.device import Device
from hwsim.hardware.analog.tile import AnalogTile
from hwsim.hardware.analog.weights import (
    Mapping,
    OffsetGain,
    OffsetRemoval,
    Sides,
    Stored,
    Subtract,
    WeightMapping,
)
from hwsim.hardware.analog.wires import Circuit, ClosedForm, Pulses, Wires

Array = NDArray[Any]

FOLDER = Path(os.environ.get("HWSIM_ANALOG_CASES", ROOT / "tests" / "data" / "analog"))


@dataclass(frozen=True)
class Case:
    """One golden: its configuration, the tile that it means, weight[k, n], inputs[m, k] and what must come out."""

    name: str
    config: dict[str, Any]
    arrays: dict[str, Array]

    @property
    def peer(self) -> str:
        """Whose words the configuration has."""
        return "aihwkit" if "kind" in self.config else "crosssim"

    @property
    def weight(self) -> Array:
        return self.arrays["W"].T.astype(float)

    @property
    def inputs(self) -> Array:
        x = self.arrays["X"].astype(float)
        return x if self.peer == "aihwkit" else x.T

    @property
    def out(self) -> Array:
        if self.peer == "aihwkit":
            return self.arrays["Y"].astype(float)
        name = next(name for name in ("Y", "Y_nodal", "Y_crosssim") if name in self.arrays)
        return self.arrays[name].T

    @property
    def codes(self) -> list[Array]:
        return [self.arrays[name].T for name in sorted(self.arrays) if name.startswith("adc_code")]


def cases(folder: Path = FOLDER) -> list[Case]:
    """All cases of a folder, each a JSON with a `config` and an NPZ of the same name."""
    found = []
    for file in sorted(folder.glob("*.json")):
        described = json.loads(file.read_text())
        if not isinstance(described, dict) or "config" not in described:
            continue
        with np.load(file.with_suffix(".npz")) as arrays:
            found.append(Case(file.stem, described["config"], {name: arrays[name] for name in arrays.files}))
    return found


def tile_of(case: Case) -> AnalogTile:
    """The tile that a configuration describes."""
    return _of_aihwkit(case.config) if case.peer == "aihwkit" else _of_crosssim(case.config, case.weight.shape)


def ranges_of(case: Case) -> Array | None:
    """Ranges that the configuration says in units of the whole input, where each pass has full scales of its own."""
    tile = tile_of(case)
    if tile.adc is None or tile.adc.range is not Range.CALIBRATED:
        return None
    full = 2.0 ** (case.config["inb"] - 1) - 1
    widths = (case.config["inb"] - 1,) if tile.input.encoding is Encoding.PULSE_WIDTH else tile.input.widths
    bounds = [case.config["ob"] * full / (2.0**bits - 1) for bits in widths]
    return np.array([[-bound, bound] for bound in bounds]).reshape(1, -1, 1, 1, 2)


_MODES: dict[str, dict[str, Any]] = {
    "ONE_PASS": {},
    "SPLIT_MODE": {"encoding": Encoding.SLICES, "slice_bits": 4, "first_bits": 3},
    "BIT_WISE": {"encoding": Encoding.BIT_SERIAL},
}


def _in_time(c: dict[str, Any]) -> AnalogTile:
    """Bits of the upper slice are what 3 bits leave, of inputs of 8 bits."""
    mode = _MODES[c["mv"]]
    return AnalogTile(
        rows=c["maxin"],
        cols=65_536,
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=c["inb"], scaling=Scaling.LARGEST, **mode),
        adc=Adc(bits=c["outb"], range=Range.CALIBRATED, per=(Axis.PASS,)),
        wires=Pulses(
            col=Fraction(c["ir_drop_rs"]) * Fraction(c["ir"]),
            segments=c["segments"],
            offset=(c["v_read"] - 0.4) / 0.2,
        ),
    )


def _of_aihwkit(c: dict[str, Any]) -> AnalogTile:
    if c["kind"] == "irt":
        return _in_time(c)
    bound = float(c["ob"])
    return AnalogTile(
        rows=int(c.get("maxin", 65_536)),
        cols=65_536,
        weights=WeightMapping(limit=1.0),
        input=InputConversion(bits=c["inb"], scaling=Scaling.RANGE if c.get("nm") == "NONE" else Scaling.LARGEST),
        adc=Adc(
            bits=c["outb"],
            range=Range.LIMITS,
            limits=((-bound, bound),),
            rounding=Rounding.HALF_AWAY if c["kind"] == "cpp" else Rounding.HALF_EVEN,
        ),
        wires=ClosedForm(strength=c["ir"]) if c.get("ir") else None,
    )


def _of_crosssim(c: dict[str, Any], shape: tuple[int, ...]) -> AnalogTile:
    style, signed = c["style"], c.get("dac_signed", True)
    sliced = style == "BITSLICED"
    differential = style == "BALANCED" or (sliced and c.get("bs_style", "BALANCED") == "BALANCED")
    levels = 2 ** c["cell_bits"] if c.get("cell_bits") else None
    ratio = None if c.get("inf_onoff", True) else c.get("Rmax", 1e6) / c.get("Rmin", 1e4)
    weights = WeightMapping(
        mapping=Mapping.DIFFERENTIAL if differential else Mapping.OFFSET,
        sides=Sides.TWO if c.get("balanced_style") == "TWO_SIDED" else Sides.ONE,
        subtract=Subtract.ANALOG if not differential or c.get("subtract_in_xbar", True) else Subtract.DIGITAL,
        offset_removal=OffsetRemoval.COLUMN
        if style == "OFFSET" and c.get("offset_style", "DIGITAL_OFFSET") != "DIGITAL_OFFSET"
        else OffsetRemoval.DIGITAL,
        bits=c["weight_bits"] if sliced else None,
        slices=c["num_slices"] if sliced else 1,
        stored=Stored.FLOAT32 if style == "BALANCED" else Stored.FLOAT64,
        offset_gain=OffsetGain.CROSSSIM if style == "OFFSET" and levels else OffsetGain.CORRECTED,
    )
    low, high = c.get("in_range", [-1.0, 1.0])
    sliced_inputs, each = c.get("in_slicing", False), c.get("in_slice_size", 1)
    inputs = InputConversion(
        bits=c["dac_bits"] or None,
        signed=signed,
        range=(float(low), float(high)),
        encoding=Encoding.PULSE_WIDTH if not sliced_inputs else Encoding.BIT_SERIAL if each == 1 else Encoding.SLICES,
        slice_bits=each if sliced_inputs else 1,
        accumulate=Accumulate.DIGITAL if not sliced_inputs or c.get("adc_per_ibit") else Accumulate.ANALOG,
    )
    return AnalogTile(
        rows=c.get("rows_max") or shape[0],
        cols=c.get("cols_max") or shape[1],
        device=Device(g_max=1 / Fraction(c.get("Rmin", 1e4)), on_off_ratio=ratio, levels=levels),
        weights=weights,
        input=inputs,
        adc=_adc(c) if c.get("adc_bits") else None,
        wires=_wires(c),
    )


def _adc(c: dict[str, Any]) -> Adc:
    word, limits = c.get("adc_range", "CALIBRATED"), c.get("calibrated_range", [])
    pairs: tuple[tuple[float, float], ...] = ()
    if word == "CALIBRATED":
        pairs = tuple(map(tuple, limits)) if isinstance(limits[0], list) else (tuple(limits),)
    return Adc(
        bits=c["adc_bits"],
        range=Range.LIMITS if word == "CALIBRATED" else Range(word.lower()),
        limits=pairs,
        centred=c.get("adc_model", "SignMagnitudeADC") == "SignMagnitudeADC",
    )


def _wires(c: dict[str, Any]) -> Wires | None:
    if "Rp" not in c:
        return None
    (row, col), (row_terminal, col_terminal) = c["Rp"], c.get("Rp_term", [0.0, 0.0])
    return Circuit(
        row=Fraction(row),
        col=Fraction(col),
        row_terminal=Fraction(row_terminal),
        col_terminal=Fraction(col_terminal),
        interleaved=c.get("interleaved", False),
        tolerance=1e-13,
    )

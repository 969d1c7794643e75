#!/usr/bin/env python3
"""What a trained Conformer says in float, int8 and int4, and what each takes on int4_array.

`python compare.py` runs what stands beside it: `hwsim trace` for the outputs, `hwsim run` for time and energy.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

HERE = Path(__file__).resolve().parent
RECORDING = HERE / "librivox_0880.npz"
CHIP = "int4_array"
FLOAT, INT8 = "conformer.onnx", "conformer_int8.onnx"
RUNS = (
    ("fp16", FLOAT, "fp16"),
    ("int8, by onnxruntime", INT8, "fp16"),
    ("w8a8", FLOAT, "w8a8"),
    ("w4a8", FLOAT, "w4a8"),
    ("w4a4", FLOAT, "w4a4"),
)
"""What is compared: how it is called, which file, and which policy; of a quantised file that of the floats between."""
SILENT = ("<blank>", "<wb>")


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    latency_us: float
    energy_uj: float
    dram_mb: float
    model_mb: float
    sqnr_db: float
    same: float
    phonemes: str


def hwsim(*args: str) -> str:
    done = subprocess.run([sys.executable, "-m", "hwsim", *args], cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def outputs(model: str, precision: str) -> np.ndarray:
    """Log probabilities of 191 phonemes and marks, one row each 20 ms; integers stand beside their scale in a trace."""
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.npz"
        hwsim("trace", model, "--precision", precision, "--input", RECORDING.name, "--out", str(trace))
        with np.load(trace) as arrays:
            found, scale = arrays["out_log_probs"][0], arrays.get("out_log_probs_scale", np.float32(1))
            return (found - arrays.get("out_log_probs_zero", np.int32(0))) * scale


def said(log_probs: np.ndarray) -> str:
    """The best phoneme of each frame, each repetition once, word boundaries and blanks left out."""
    tokens = json.loads((HERE / "tokens.json").read_text())
    return " ".join(tokens[best] for best, _ in groupby(log_probs.argmax(-1)) if tokens[best] not in SILENT)


def rows() -> Iterator[Row]:
    with np.load(RECORDING) as recorded:
        frames, expected = recorded["mel"].shape[1], recorded["out_fp32"][0]
    for name, model, precision in RUNS:
        run = hwsim("run", CHIP, model, "--precision", precision, "--dim", f"frames={frames}", "--json", "-")
        summary, found = json.loads(run)["summary"], outputs(model, precision)
        error = np.mean((found - expected) ** 2)
        yield Row(
            name=name,
            latency_us=summary["latency_ms"] * 1e3,
            energy_uj=summary["energy_mj"] * 1e3,
            dram_mb=(summary["dram_read_bytes"] + summary["dram_write_bytes"]) / 1e6,
            model_mb=summary["model_bytes"] / 1e6,
            sqnr_db=float(10 * np.log10(np.mean(expected**2) / error)),
            same=float(np.mean(found.argmax(-1) == expected.argmax(-1))),
            phonemes=said(found),
        )


def main() -> None:
    found = list(rows())
    print(f"{'':20} {'latency':>8} {'energy':>8} {'DRAM':>8} {'model':>8} {'SQNR':>8} {'same best':>10}")
    for row in found:
        cost = f"{row.latency_us:5.0f} µs {row.energy_uj:5.0f} µJ {row.dram_mb:5.2f} MB {row.model_mb:5.2f} MB"
        print(f"{row.name:20} {cost} {row.sqnr_db:5.1f} dB {100 * row.same:8.1f} %")
    print()
    for row in found:
        print(f"{row.name:20} {row.phonemes}")


if __name__ == "__main__":
    main()

"""Exact products of bytes by each instruction that this processor has, against float32 BLAS, torch and onnxruntime."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import hwsim
from benchmarks.measure import seconds
from benchmarks.peaks import peaks
from benchmarks.peers import onnxruntime_products, torch_products
from hwsim.kernels import cpu
from hwsim.kernels.cpu import ByteDot
from hwsim.quantities.precision import Precision
from hwsim.tensor import exact
from hwsim.tensor.gemm import matmul
from hwsim.tensor.weights import Weights

SHAPES = [(200, 256, 1024), (200, 1024, 256), (64, 640, 2560), (1024, 1024, 1024), (16, 640, 2560), (1, 1280, 2560)]
INT8 = Precision.INT8
CHIP = "int4_array"

PEERS = ("blas*", "blas", "torch", "u8s8*", "u8u8*")
COMPARED = (("*", "blas*"), ("", "blas"), (" gemm", "blas"), ("", "torch"), ("*", "u8s8*"), ("*", "u8u8*"))

Product = Callable[[], object]


def report() -> None:
    """GMAC/s of each, and ratios, all of one process."""
    best = peaks()
    print(
        "peaks, GMAC/s: "
        + ", ".join(f"{name} {best[name] / 1e9:.1f}" for name in ("vnni", "narrow vnni", "fma") if best[name])
    )
    print("\nexact int8 × int8 → int32, GMAC/s; weights cast or packed ahead (*), or with each product; gemm: a chip's")
    rates = {shape: _rates(shape) for shape in SHAPES}
    _table("peers", rates, PEERS, ())
    for path in _paths():
        _table(path, rates, ("*", "", " gemm"), COMPARED, best.get(path, 0.0))


def _paths() -> dict[str, ByteDot | None]:
    """What processors use for products of bytes, as far as this one has the instructions."""
    wide, narrow = cpu.has(ByteDot.WIDE.value), cpu.has(ByteDot.NARROW.value)
    paths: dict[str, ByteDot | None] = {"vnni": ByteDot.WIDE} if wide else {}
    if narrow or (wide and cpu.has("avx512vl")):  # which has the same instruction on 256 bits, encoded otherwise
        paths["narrow vnni"] = ByteDot.NARROW
    if cpu.has(ByteDot.SIGNED.value):
        paths["sdot"] = ByteDot.SIGNED
    if cpu.has_pair_dot():
        paths["pairs"] = None
    return paths


def _table(
    path: str,
    rates: Mapping[tuple[int, int, int], Mapping[str, float]],
    columns: tuple[str, ...],
    compared: tuple[tuple[str, str], ...],
    peak: float = 0.0,
) -> None:
    """Rates of one path, or of the peers, and what they are to the peers."""
    own = "" if path == "peers" else path
    heads = [name or "with each" for name in columns] if own else list(columns)
    print(
        f"\n{path:>16}"
        + "".join(f"{head.strip():>10}" for head in heads)
        + "".join(f"{f'{a.strip()}/{b}':>12}" for a, b in compared)
        + ("   of peak" if peak else "")
    )
    for (m, k, n), rate in rates.items():
        line = "".join(f"{rate[own + name]:10.1f}" if own + name in rate else f"{'':>10}" for name in columns)
        ratios = "".join(f"{rate[own + a] / rate[b]:12.2f}" if b in rate else f"{'':>12}" for a, b in compared)
        share = f"{100 * rate[own + '*'] / (peak / 1e9):8.0f} %" if peak else ""
        print(f"{f'{m},{k},{n}':>16}{line}{ratios}{share}")


def _rates(shape: tuple[int, int, int]) -> dict[str, float]:
    m, k, n = shape
    return {name: m * k * n / each / 1e9 for name, each in seconds(_variants(m, k, n)).items()}


def _variants(m: int, k: int, n: int) -> dict[str, Product]:
    rng = np.random.default_rng(0)
    act, weight = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    made, cast = Weights.of(weight, INT8), weight.astype(np.float32)
    chip = hwsim.load_chip(CHIP)

    def ours(of: Any) -> object:
        return matmul(act, of, act_precision=INT8, weight_precision=INT8)

    def whole() -> object:
        return hwsim.gemm(chip, act, weight, act_precision=INT8, weight_precision=INT8)

    variants: dict[str, Product] = {}
    for path, dot in _paths().items():
        variants[f"{path}*"] = _by(dot, lambda: ours(made))
        variants[path] = _by(dot, lambda: ours(weight))
        variants[f"{path} gemm"] = _by(dot, whole)
    variants |= {
        "blas*": lambda: (act.astype(np.float32) @ cast).astype(np.int32),
        "blas": lambda: (act.astype(np.float32) @ weight.astype(np.float32)).astype(np.int32),
        **torch_products(act, weight),
        **onnxruntime_products(act, weight),
    }
    expected = act.astype(np.float64) @ weight.astype(np.float64)
    for name, function in variants.items():
        found: Any = function()
        if not (np.asarray(getattr(found, "out", found)) == expected).all():
            print(f"  {name} is not exact for {m},{k},{n}")
    return variants


def _by(dot: ByteDot | None, product: Product) -> Product:
    """The product by that instruction, or by pairs. Set by hand: a mock takes as long as a small product."""
    names = vars(exact)

    def run() -> object:
        before = names["byte_dot"]
        names["byte_dot"] = lambda: dot
        try:
            return product()
        finally:
            names["byte_dot"] = before

    return run

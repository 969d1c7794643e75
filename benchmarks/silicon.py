"""Published figures of the first TPU, Gemmini, RaPiD and Spyre beside what hwsim predicts, as docs/accuracy.md shows
them.

Run it with `python -m benchmarks.silicon`; nothing in it is timed. No factor is fitted: each counterfactual changes one
named assumption.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

from hwsim.hardware.chip import Chip, at_point
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.ir.ops import Conv, ConvAxis
from hwsim.ir.place import Place
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import workload
from hwsim.models.fragment import Fragment, tensor
from hwsim.models.gemms import Gemms, GemmSize
from hwsim.passes.precision import workload_of
from hwsim.quantities.precision import Precision
from hwsim.report.tables import limit_text
from hwsim.results.result import Result
from hwsim.study.efficiency import peak_energy
from hwsim.study.simulate import simulate


@dataclass(frozen=True)
class App:
    """Of Jouppi et al., ISCA 2017: layers with weights, weights and batch (Table 1), measured TOPS (Table 3)."""

    name: str
    layers: int
    weights: int
    batch: int
    tops: float

    @property
    def side(self) -> int:
        """Of each layer, if all are square and alike, to the nearest whole number below."""
        return isqrt(self.weights // self.layers)

    def matrices(self, side: int) -> int:
        """How many square ones of that side make up the weights."""
        return self.layers if side == self.side else self.weights // side**2


APPS = (
    App("MLP0", layers=5, weights=20_000_000, batch=200, tops=12.3),
    App("MLP1", layers=4, weights=5_000_000, batch=168, tops=9.7),
    App("LSTM0", layers=24, weights=52_000_000, batch=64, tops=3.7),
    App("LSTM1", layers=37, weights=34_000_000, batch=96, tops=2.8),
)
"""Layers of LSTM0 and LSTM1 are their fully connected ones; the vector layers have no products."""

PUBLISHED_SIDE = 600
"""Of the matrices of LSTM1 that section 7 takes for an example."""


def apart(app: App, side: int) -> Workload:
    """The products of an app, each with operands and result of its own in DRAM: a workload of kind `gemms`."""
    count = app.matrices(side)
    sizes = tuple(GemmSize(name=f"layer_{number}", m=app.batch, k=side, n=side) for number in range(count))
    return workload(Gemms(name=app.name.lower(), precision="w8a8", products=sizes))


def chained(app: App, side: int) -> Workload:
    """The same products, each of which reads what the one before it wrote."""
    sizes = tuple(GemmSize(name=f"layer_{number}", m=app.batch, k=side, n=side) for number in range(app.matrices(side)))
    return workload(Gemms(name=app.name.lower(), precision="w8a8", products=sizes, chained=True))


def tops(chip: Chip, work: Workload) -> float:
    """Useful operations a second, padding of tiles not counted."""
    found = simulate(chip, work).efficiency.tops
    assert found is not None
    return found


def against(predicted: float, published: float) -> str:
    """A prediction with its distance from what was published."""
    return f"{predicted:.1f} ({100 * (predicted / published - 1):+.0f} %)"


def tpu_row(app: App) -> str:
    """One row of the table of apps."""
    chip = load_chip("tpu_v1")
    cells = [against(tops(chip, made(app, app.side)), app.tops) for made in (apart, chained)]
    weights = f"{app.weights // 10**6} M"
    return f"| {app.name} | {app.layers} | {weights} | {app.batch} | {app.side} | {app.tops} | {' | '.join(cells)} |"


def tpu_rows() -> tuple[str, ...]:
    """LSTM1 in a chain under other assumptions."""
    chip, app = load_chip("tpu_v1"), APPS[3]
    published = chained(app, PUBLISHED_SIDE)
    fewer = chained(replace(app, batch=68), PUBLISHED_SIDE)
    rows = (
        ("37 square matrices of 958, as above", chip, chained(app, app.side)),
        ("94 matrices of 600, as in section 7", chip, published),
        ("those, and `dram.weight_layout: compact`", chip.with_(**{"dram.weight_layout": "compact"}), published),
        ("those, and `dram.read: 24 GB/s`", chip.with_(**{"dram.read": "24 GB/s"}), published),
        ("those, and 68 rows in place of 96", chip, fewer),
    )
    return tuple(f"| {what} | {against(tops(on, work), app.tops)} |" for what, on, work in rows)


@dataclass(frozen=True)
class Layer:
    """A convolution of ResNet-50, `times` of the same shape; `size` is that of its square input."""

    size: int
    channels: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    times: int = 1

    @property
    def out(self) -> int:
        """Positions along one axis of the result."""
        return self.size // self.stride

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and after each axis, so that `out` positions are left."""
        missing = (self.out - 1) * self.stride + self.kernel - self.size
        return max(0, missing) // 2, max(0, missing) - max(0, missing) // 2


def stage(size: int, channels: int, width: int, blocks: int, stride: int) -> tuple[Layer, ...]:
    """Bottlenecks of one resolution, the first of which may halve it in its 3 × 3 convolution, as in version 1.5."""
    out = size // stride
    wide = 4 * width
    return (
        Layer(size, channels, width),
        Layer(size, width, width, kernel=3, stride=stride),
        Layer(size, channels, wide, stride=stride),
        Layer(out, width, wide, times=blocks),
        Layer(out, wide, width, times=blocks - 1),
        Layer(out, width, width, kernel=3, times=blocks - 1),
    )


RESNET_50 = (
    Layer(224, 3, 64, kernel=7, stride=2),
    *stage(56, 64, 64, 3, 1),
    *stage(56, 256, 128, 4, 2),
    *stage(28, 512, 256, 6, 2),
    *stage(14, 1024, 512, 3, 2),
    Layer(1, 2048, 1000),
)
"""He et al., CVPR 2016, Table 1, with the fully connected layer as its last one: 54 products."""

GEMMINI_FPS = 22.8
"""Of ResNet-50 at 1 GHz: Genc et al., DAC 2021, recalled."""


def resnet_apart() -> Workload:
    """ResNet-50 as a workload of kind `gemms`: windows of convolutions are written out, and come from DRAM like all
    operands."""
    sizes = tuple(
        GemmSize(name=f"layer_{number}.{again}", m=one.out**2, k=one.kernel**2 * one.channels, n=one.outputs)
        for number, one in enumerate(RESNET_50)
        for again in range(one.times)
    )
    return workload(Gemms(name="resnet_50", precision="w8a8", products=sizes))


def resnet_windowed() -> Workload:
    """The same as convolutions, whose windows the array takes out of the input itself."""
    part = Fragment()
    for number, one in enumerate(RESNET_50):
        for again in range(one.times):
            part += convolution(f"layer_{number}.{again}", one)
    program: Program = part.program("resnet_50")
    return workload_of(program, "w8a8", audio=10**12)


def convolution(name: str, layer: Layer) -> Fragment:
    """One convolution, with input and result of its own."""
    before, after = layer.padding
    axis = ConvAxis(size=layer.size, kernel=layer.kernel, stride=layer.stride, before=before, after=after)
    act = tensor(f"{name}.act", (1, layer.size, layer.size, layer.channels), Role.INPUT)
    weight = tensor(f"{name}.weight", (1, layer.kernel**2 * layer.channels, layer.outputs), Role.WEIGHT)
    out = tensor(f"{name}.out", (1, layer.out, layer.out, layer.outputs), Role.OUTPUT)
    a, w, o = (View(tensor=one.name) for one in (act, weight, out))
    return Fragment((act, weight, out), (Conv(name=name, act=a, weight=w, out=o, axes=(axis, axis)),))


def frames(chip: Chip, work: Workload) -> tuple[float, float]:
    """Images a second, and the share of the array's products that are used."""
    summary = simulate(chip, work).summary
    return chip.clock / summary.cycles, summary.macs / (summary.cycles * 256)


def gemmini_rows() -> tuple[str, ...]:
    """The table of ResNet-50 on Gemmini."""
    chip = load_chip("gemmini")
    whole = resnet_windowed()
    rows: Sequence[tuple[str, dict[str, Any], Workload]] = (
        ("a list of products", {}, resnet_apart()),
        ("convolutions", {}, whole),
        ("those, and `dram.read: 10.24 GB/s`", {"dram.read": "10.24 GB/s"}, whole),
        ("those, and `array.m_chunk: 16`", {"array.m_chunk": 16}, whole),
        (
            "those, and `array.m_chunk: 16`, `array.shadow_weights: false`",
            {"array.m_chunk": 16, "array.shadow_weights": False},
            whole,
        ),
        (
            "those, and `dram.read` and `dram.write` 1.2 GB/s",
            {"dram.read": "1.2 GB/s", "dram.write": "1.2 GB/s"},
            whole,
        ),
    )
    cells = []
    for what, changes, work in rows:
        fps, used = frames(chip.with_(**changes), work)
        cells.append(f"| {what} | {against(fps, GEMMINI_FPS)} | {100 * used:.0f} % |")
    return tuple(cells)


RAPID_TOPS_PER_WATT = {"nominal": 16.5, "fast": None}
"""At peak in INT4, by operating point (ISSCC 2021 paper 9.1)."""


def rapid_row(point: str) -> str:
    """Peaks in INT4 at one operating point."""
    chip, published = at_point(load_chip("rapid"), point), RAPID_TOPS_PER_WATT[point]
    peak = peak_energy(chip, prices_of(chip), Precision.INT4)
    rate = float(2 * chip.clock * chip.macs_per_cycle(Precision.INT4)) / 10**12
    efficiency = 2 * 10**6 / float(peak.per_mac_aj)
    supplies = f"{float(chip.voltage or 0):.2f} / {float(chip.memory_voltage or 0):.2f} V"
    found = f" | {efficiency:.1f}" if published is None else f"{published} | {against(efficiency, published)}"
    return f"| {point} | {supplies} | {rate:.1f} | {found} |"


@dataclass(frozen=True)
class OnSpyre:
    """A product in FP16 on Spyre's 32 cores, how it was split (M, N, K), and the milliseconds that were measured."""

    m: int
    n: int
    k: int
    split: tuple[int, int, int]
    measured: float

    def work(self, place: Place) -> Workload:
        """The product over so many cores."""
        size = GemmSize(name="product", m=self.m, k=self.k, n=self.n, place=place)
        return workload(Gemms(name="product", precision="fp16", products=(size,)))


ON_SPYRE = (
    OnSpyre(32, 8192, 8192, (4, 8, 1), 0.95),
    OnSpyre(128, 8192, 8192, (4, 8, 1), 0.99),
    OnSpyre(32, 12800, 4096, (4, 8, 1), 0.72),
    OnSpyre(32, 8192, 8192, (32, 1, 1), 3.40),
    OnSpyre(32, 12800, 4096, (32, 1, 1), 2.64),
    OnSpyre(32, 8192, 8192, (4, 4, 2), 0.94),
    OnSpyre(512, 7168, 18432, (1, 8, 4), 35.5),
)
"""Wall times of public notes on torch-spyre, the launch included; those that stream weights through the DRAM first."""

WHOLE_CHIP = Place(m=4, n=8)


def on_spyre(product: OnSpyre, place: Place | None = None, **changes: Any) -> tuple[float, Result]:
    """Milliseconds of a product, launch included, over cores as measured, or as `place` says."""
    m, n, _ = product.split
    found = simulate(load_chip("spyre").with_(**changes), product.work(place or Place(m=m, n=n)))
    return found.summary.latency_ms, found


def spyre_row(product: OnSpyre) -> str:
    """A measured product beside its prediction; what splits K, which hwsim never does, runs on the other cores."""
    k = product.split[2]
    place = WHOLE_CHIP if k > 1 else None
    latency, found = on_spyre(product, place)
    without, _ = on_spyre(product, place, launch="0 s")
    bound = limit_text(found.ops[0].limit)
    taken = "(4, 8, 1)" if k > 1 else "as measured"
    return (
        f"| {product.m} × {product.n} × {product.k} | {product.split} | {product.measured} | {taken} | "
        f"{latency:.2f} ({100 * (latency / product.measured - 1):+.0f} %) | {without:.2f} | {bound} |"
    )


def spyre_misses() -> tuple[str, ...]:
    """What narrower ports of the scratchpads would make of the products, those that hit included."""
    cells = []
    for product in ON_SPYRE[:5]:
        narrow: dict[str, Any] = {"scratchpad.write": "32 B/cycle"}
        latency, _ = on_spyre(product, **narrow)
        away = f"{100 * (latency / product.measured - 1):+.0f} %"
        cells.append(f"| {product.m} × {product.n} × {product.k} | {product.split} | {latency:.2f} ({away}) |")
    return tuple(cells)


def main() -> None:
    print("\n".join(tpu_row(app) for app in APPS))
    print()
    print("\n".join(tpu_rows()))
    print()
    print("\n".join(gemmini_rows()))
    print()
    print("\n".join(rapid_row(point) for point in RAPID_TOPS_PER_WATT))
    print()
    print("\n".join(map(spyre_row, ON_SPYRE)))
    print()
    print("\n".join(spyre_misses()))


if __name__ == "__main__":
    main()

"""The cells of an analog tile: the conductances they can hold, and how far they stray from what was programmed."""

from enum import Enum
from fractions import Fraction
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.hardware.analog.curves import Curve, Piece, polynomial
from hwsim.quantities.fields import Picoseconds, Siemens
from hwsim.quantities.noun import Noun, Number, Whole

_SECOND = 10**12


def _microsiemens(written: str) -> Fraction:
    return Fraction(written) / 10**6


class WhiteNoise(Enum):
    """What the spread of white read noise is a share of."""

    OF_CELL = "of_cell"  # the cell's own conductance
    OF_RANGE = "of_range"  # Gmax


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel(Noun):
    """How a cell strays. A curve that is absent strays nothing.

    Programming adds a normal deviate of spread `programming` (in µS, at a Gmax of `characterised_at`; in proportion at
    another) to the target, and no conductance falls below 0. After a time t it has drifted by ((t + t0) / t0)^-ν, with
    ν = |N(drift_mean, drift_spread)| of the target, drawn once a device. 1/f noise is one deviate a device and read
    window, of relative spread `flicker` of the programmed conductance times √ln((t + t0 + read) / 2 read). White noise
    is one deviate a device, MVM and input pass.
    """

    programming: Curve | None = None
    characterised_at: Siemens | None = None
    drift_mean: Curve | None = None
    drift_spread: Curve | None = None
    t0: Picoseconds = 20 * _SECOND
    flicker: Curve | None = None
    read: Picoseconds = 250_000
    window: Annotated[int, Whole(low=1, high=2**31)] = 2**31
    """MVMs that share one draw of 1/f noise."""
    white: Annotated[float, Number(low=0, high=10)] = 0.0
    white_is: WhiteNoise = WhiteNoise.OF_CELL
    clip: bool = False
    """Whether white noise leaves a conductance at 0 rather than below it."""

    def check(self) -> None:
        if self.t0 <= 0:
            raise InvalidValue("t0", self.t0, "must be above 0 s")
        if self.read <= 0 or self.read > self.t0:
            raise InvalidValue("read", self.read, "must be above 0 s, and no longer than t0")
        if self.drift_spread is not None and self.drift_mean is None:
            raise InvalidValue("drift_spread", "a curve", "needs drift_mean beside it")
        if self.programming is not None and self.characterised_at is None:
            raise InvalidValue(
                "characterised_at", None, "must say at which Gmax the spread of programming was measured"
            )


class Preset(Enum):
    """Models of devices that were measured."""

    PCM = "pcm"
    HERMES_1 = "hermes_1"
    HERMES_2 = "hermes_2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Noun):
    """A cell: conductances up to Gmax, down to Gmax / `on_off_ratio` (to 0 where that is null), at evenly spaced
    `levels` or anywhere between. `model` or `custom` says how it strays; without either it does not."""

    g_max: Siemens = Fraction(25, 10**6)
    on_off_ratio: Annotated[float, Number(low=1.001, high=1e12)] | None = None
    levels: Annotated[int, Whole(low=2, high=2**24)] | None = None
    model: Preset | None = None
    custom: DeviceModel | None = None

    def check(self) -> None:
        if self.model is not None and self.custom is not None:
            raise InvalidValue("custom", "a model", f"is given beside model {self.model.value}; give one of them")

    @property
    def g_min(self) -> float:
        """The lowest conductance, as a share of Gmax."""
        return 0.0 if self.on_off_ratio is None else 1.0 / self.on_off_ratio

    @property
    def strays(self) -> DeviceModel | None:
        """The model of its noise and drift, if it has one."""
        return self.custom if self.model is None else _PRESETS[self.model]


def pcm() -> DeviceModel:
    """Phase-change memory: Nandakumar et al., ICECS 2019, with the coefficients that aihwkit 1.2 has."""
    return DeviceModel(
        programming=polynomial(0.26348, 1.9650, -1.1731),
        characterised_at=_microsiemens("25"),
        drift_mean=Curve(pieces=(Piece(polynomial=(0.0244,), log=-0.0155, low=0.049, high=0.1),)),
        drift_spread=Curve(pieces=(Piece(polynomial=(-0.0059,), log=-0.0125, low=0.008, high=0.045),)),
        t0=20 * _SECOND,
        flicker=Curve(pieces=(Piece(power=0.0088, exponent=-0.65, high=0.2),)),
        read=250_000,
    )


def hermes(devices: int) -> DeviceModel:
    """The HERMES chip: Le Gallo et al., Nature Electronics 2023, with the coefficients that aihwkit 1.2 has.

    `devices` is 1 or 2 a weight and sign; Gmax is 10.35 or 20.7 µS.
    """
    mean = Curve(
        pieces=(
            Piece(below=0.0945, polynomial=(-0.0182,), log=-0.0387, low=0.0720, high=0.13),
            Piece(polynomial=(0.0736, -0.0126, -0.0436)),
        )
    )
    if devices == 1:
        return DeviceModel(
            programming=polynomial(0.15781817, 2.32443916, -2.16310839, 0.68841818),
            characterised_at=_microsiemens("10.35"),
            drift_mean=mean,
            drift_spread=Curve(
                pieces=(
                    Piece(below=0.3039, polynomial=(-0.0023,), log=-0.0120, low=0.0124, high=0.04),
                    Piece(polynomial=(0.0104, 0.0116, -0.0165)),
                )
            ),
            t0=200 * _SECOND,
            flicker=Curve(
                pieces=(
                    Piece(below=0.1591, polynomial=(0.0038,), log=-0.0078, low=0.0179, high=0.04),
                    Piece(polynomial=(0.0088, 0.0768, -0.1352, 0.0664)),
                )
            ),
            read=512_000,
        )
    return DeviceModel(
        programming=polynomial(0.16603222, 4.71806468, -8.48101252, 4.68961419),
        characterised_at=_microsiemens("20.7"),
        drift_mean=mean,
        drift_spread=Curve(
            pieces=(
                Piece(below=0.3055, polynomial=(-0.0057,), log=-0.0117, low=0.0091, high=0.04),
                Piece(polynomial=(0.0073, 0.0093, -0.0118)),
            )
        ),
        t0=300 * _SECOND,
        flicker=Curve(
            pieces=(
                Piece(below=0.16, polynomial=(-0.0069,), log=-0.0117, low=0.015, high=0.04),
                Piece(polynomial=(0.0123, 0.0211, -0.0280, 0.0069)),
            )
        ),
        read=512_000,
    )


_PRESETS = {Preset.PCM: pcm(), Preset.HERMES_1: hermes(1), Preset.HERMES_2: hermes(2)}

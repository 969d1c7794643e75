"""Voices of espeak-ng, flite and festival: a text as samples at 16 kHz, tempo and pitch drawn."""

import io
import subprocess
import wave
from collections.abc import Sequence
from math import gcd
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

Samples = NDArray[np.float32]
Spoken = tuple[Samples, str]
"""What was said, and whose voice said it."""
RATE = 16_000

VARIANTS = Path("/usr/lib/x86_64-linux-gnu/espeak-ng-data/voices/!v")
"""Where Debian's package espeak-ng-data has the variants of its voices."""
UNLIKE_PEOPLE = {
    "whisper", "whisperf", "Demonic", "croak", "robosoft", *(f"robosoft{n}" for n in range(2, 9)), "UniRobot",
    "anikaRobot", "fast", "klatt", *(f"klatt{n}" for n in range(2, 7)), "Mr", "serious", "Tweaky", "Storm",
    "AnxiousAndy", "kaukovalta", "grandpa", "grandma", "boris",
}  # fmt: skip
HELD_OUT = ["Andrea", "Lee", "belinda", "edward", "f4", "linda", "m2", "m5", "max", "steph2"]
"""Variants that training never hears."""
ACCENTS = ["en-us"] * 5 + ["en-gb"] * 2 + ["en-gb-x-rp", "en-029", "en-gb-scotland"]

FLITE, FLITE_HELD_OUT = ["kal16", "awb", "rms"], "slt"
FESTIVAL, FESTIVAL_HELD_OUT = ["kal_diphone", "ked_diphone"], "cmu_us_slt_arctic_hts"
"""Of Debian's packages festvox-kallpc16k, festvox-kdlpc16k and festvox-us-slt-hts."""


def variants() -> list[str]:
    """The variants of espeak-ng that training hears."""
    found = sorted(path.name for path in VARIANTS.iterdir())
    return [name for name in found if name not in UNLIKE_PEOPLE and name not in HELD_OUT and " " not in name]


def espeak(text: str, variant: str, accent: str, drawn: Random) -> Spoken:
    speed, pitch, gap = drawn.randint(115, 230), drawn.randint(15, 85), drawn.choice([0, 0, 0, 1, 2])
    options = ["-v", f"{accent}+{variant}", "-s", str(speed), "-p", str(pitch), "-g", str(gap), "--stdout"]
    made = subprocess.run(["espeak-ng", *options, text], capture_output=True, check=True).stdout
    # What it writes to a pipe states no length.
    data = made[made.find(b"data") + 8 :]
    samples = np.frombuffer(data[: len(data) - len(data) % 2], "<i2").astype(np.float32) / 32768
    rate = int.from_bytes(made[24:28], "little")
    return _at_tempo(samples, rate, drawn.uniform(0.92, 1.08)), f"espeak:{accent}+{variant}"


def flite(text: str, voice: str, drawn: Random) -> Spoken:
    settings = [f"duration_stretch={drawn.uniform(0.75, 1.35):.2f}"]
    if voice.startswith("kal"):
        settings.append(f"int_f0_target_mean={drawn.uniform(80, 150):.0f}")
    options = [word for setting in settings for word in ("--setf", setting)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, *options, "-t", text, "-o", path], capture_output=True, check=True)
        samples, rate = _read(path)
    return _at_tempo(samples, rate, drawn.uniform(0.85, 1.22)), f"flite:{voice}"


def festival(texts: Sequence[str], voice: str, drawn: Random) -> list[Spoken | None]:
    """Several texts at once, since the program takes long to start; None where it made nothing."""
    with TemporaryDirectory() as folder:
        lines = [f"(voice_{voice})"]
        for place, text in enumerate(texts):
            path = Path(folder) / f"{place}.wav"
            lines.append(f"(Parameter.set 'Duration_Stretch {drawn.uniform(0.8, 1.3):.2f})")
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}" (quote riff))')
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines) + "\n")
        subprocess.run(["festival", "-b", script], capture_output=True, check=True)
        made: list[Spoken | None] = []
        for place in range(len(texts)):
            path = Path(folder) / f"{place}.wav"
            if not path.is_file():
                made.append(None)
                continue
            samples, rate = _read(path)
            made.append((_at_tempo(samples, rate, drawn.uniform(0.85, 1.22)), f"festival:{voice}"))
    return made


def _read(path: Path) -> tuple[Samples, int]:
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    return samples.reshape(-1, channels).mean(axis=1), rate


def _at_tempo(samples: Samples, rate: int, factor: float) -> Samples:
    """At 16 kHz, as if played so much faster: tempo and pitch together, in steps of 50 Hz."""
    played = round(rate * factor / 50) * 50
    common = gcd(RATE, played)
    return np.asarray(resample_poly(samples, RATE // common, played // common), np.float32)

#!/usr/bin/env python3
"""Synthesises the speech that the network is trained on, and that of voices which are held out.

    python synthesise.py SPEECH

Writes SPEECH/audio.npy (16 bits, one utterance after another) and SPEECH/index.json. All draws come from one seed, in
order, so that other counts give other speech.
"""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voices
from sentences import WORDS, sentence, text

SEED = 20240601
SHORTEST, FAINTEST = 3000, 0.01
"""Of samples: what is shorter or fainter was not synthesised as it should."""
AT_ONCE = 100
"""Utterances for one start of festival."""


class Recorder:
    """Collects utterances."""

    def __init__(self) -> None:
        self.chunks: list[NDArray[np.int16]] = []
        self.items: list[dict[str, Any]] = []
        self.end = 0

    def add(self, words: list[str], spoken: voices.Spoken, split: str) -> None:
        samples, voice = spoken
        if len(samples) < SHORTEST or not np.isfinite(samples).all() or np.abs(samples).max() < FAINTEST:
            return
        chunk = (samples / np.abs(samples).max() * 0.5 * 32767).astype(np.int16)
        self.items.append({"start": self.end, "n": len(chunk), "words": words, "voice": voice, "split": split})
        self.chunks.append(chunk)
        self.end += len(chunk)

    def told(self, voices: str) -> None:
        print(f"{voices}: {len(self.items):,} utterances, {self.end / 16_000 / 3600:.2f} h", flush=True)


def speak(asked: argparse.Namespace) -> Recorder:
    """All utterances: first those of training, one synthesiser after another."""
    drawn, made, variants = Random(SEED), Recorder(), voices.variants()

    def by_espeak(names: list[str], split: str) -> None:
        words = sentence(drawn)
        said, variant, accent = text(words, drawn), drawn.choice(names), drawn.choice(voices.ACCENTS)
        made.add(words, voices.espeak(said, variant, accent, drawn), split)

    for _ in range(asked.espeak):
        by_espeak(variants, "train")
    made.told("espeak-ng")
    for _ in range(asked.flite):
        words = sentence(drawn)
        said, voice = text(words, drawn), drawn.choice(voices.FLITE)
        made.add(words, voices.flite(said, voice, drawn), "train")
    made.told("flite")
    for voice in voices.FESTIVAL:
        for first in range(0, asked.festival, AT_ONCE):
            by_festival(made, voice, min(AT_ONCE, asked.festival - first), "train", drawn)
    made.told("festival")
    for _ in range(asked.held_out):
        by_espeak(voices.HELD_OUT, "held")
        words = sentence(drawn)
        made.add(words, voices.flite(text(words, drawn), voices.FLITE_HELD_OUT, drawn), "held")
    by_festival(made, voices.FESTIVAL_HELD_OUT, asked.held_out // 2, "held", drawn)
    made.told("held out")
    return made


def by_festival(made: Recorder, voice: str, count: int, split: str, drawn: Random) -> None:
    each = [sentence(drawn) for _ in range(count)]
    texts = [text(words, drawn) for words in each]
    for words, spoken in zip(each, voices.festival(texts, voice, drawn), strict=True):
        if spoken is not None:
            made.add(words, spoken, split)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, help="the folder that is written")
    for name, count in (("espeak", 6000), ("flite", 2500), ("festival", 900), ("held-out", 150)):
        parser.add_argument(f"--{name}", type=int, default=count, help="utterances; of festival for each voice")
    asked = parser.parse_args()
    asked.speech.mkdir(parents=True, exist_ok=True)
    made = speak(asked)
    np.save(asked.speech / "audio.npy", np.concatenate(made.chunks))
    (asked.speech / "index.json").write_text(json.dumps({"words": WORDS, "items": made.items}))


if __name__ == "__main__":
    main()

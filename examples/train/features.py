#!/usr/bin/env python3
"""Makes features of the speech that `synthesise.py` wrote, with hwsim's own front end.

    python features.py SPEECH DATA

Of each utterance of training three copies, two of them with noise, rooms and microphones, as DATA/train.f16 (frames of
80 bands, one every 10 ms) and DATA/train.json; of voices that are held out one, as a data set for `hwsim recognise
--data DATA/held`, with the shipped utterances on which scales are found. Each copy is drawn from a seed of its own.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from hwsim.inputs.audio.logmel import FrontEnd, features
from hwsim.inputs.datasets import Use, open_data
from hwsim.inputs.files import Kind, shipped_file
from numpy.typing import NDArray

from surroundings import RATE, Babble, Samples, clean, noisy

SEED, SPLITS = 7, ("train", "held")
NOISY_COPIES = 2
VOICES_OF_BABBLE = 5
FRAMES, STACKED = FrontEnd(bins=80, deltas=0, stack=1), FrontEnd(bins=80, deltas=0, stack=3)
FACTOR = 2
"""Frames of the network that its encoder stacks: it hears an even number of them."""

Items = list[dict[str, Any]]


class Speech:
    """All utterances in one array of samples."""

    def __init__(self, folder: Path) -> None:
        self.samples = np.load(folder / "audio.npy", mmap_mode="r")
        index = json.loads((folder / "index.json").read_text())
        self.items: Items = index["items"]
        self.number_of = {word: number for number, word in enumerate(index["words"], 1)}

    def of(self, split: str) -> Items:
        return [item for item in self.items if item["split"] == split]

    def voice(self, item: dict[str, Any]) -> Samples:
        return np.asarray(self.samples[item["start"] : item["start"] + item["n"]] / 32768)

    def babble(self, items: Items) -> Babble:
        """Some of these voices at once."""

        def drawn_babble(count: int, drawn: np.random.Generator) -> Samples:
            total = 1e-5 * drawn.standard_normal(count)
            for _ in range(VOICES_OF_BABBLE):
                voice = self.voice(items[drawn.integers(len(items))])
                total += np.resize(np.roll(voice, drawn.integers(len(voice))), count)
            return total

        return drawn_babble


def generator(split: str, number: int, copy: int) -> np.random.Generator:
    return np.random.default_rng((SEED, SPLITS.index(split), number, copy))


def framed(heard: Samples, front_end: FrontEnd) -> NDArray[np.float16]:
    return features(heard.astype(np.float32), RATE, front_end).astype(np.float16)


def write_train(speech: Speech, folder: Path) -> None:
    items, babble = speech.of("train"), speech.babble(speech.of("train"))
    ends, symbols, numbers, end = [], [], [], 0
    with (folder / "train.f16").open("wb") as file:
        for number, item in enumerate(items):
            for copy in range(1 + NOISY_COPIES):
                drawn, voice = generator("train", number, copy), speech.voice(item)
                frames = framed(noisy(voice, babble, drawn) if copy else clean(voice, drawn), FRAMES)
                file.write(frames.tobytes())
                end += len(frames)
                ends.append(end)
                symbols.append([speech.number_of[word] for word in item["words"]])
                numbers.append(number)
            if number % 1000 == 0:
                print(f"{number:,} of {len(items):,} utterances, {end / 360_000:.1f} h", flush=True)
    (folder / "train.json").write_text(json.dumps({"ends": ends, "symbols": symbols, "utterances": numbers}))


def write_held(speech: Speech, folder: Path) -> None:
    """A data set of other voices than those of training."""
    folder.mkdir(exist_ok=True)
    lines, arrays = ["file\ttranscript\tgroup\tuse\tvoice"], {}
    for number, item in enumerate(speech.of("held")):
        frames = framed(clean(speech.voice(item), generator("held", number, 0)), STACKED)
        odd = -len(frames) % FACTOR
        arrays[f"held_{number:03d}"] = np.concatenate([frames, np.repeat(frames[-1:], odd, axis=0)])[:, None]
        group = item["voice"].partition(":")[0]
        lines.append(f"held_{number:03d}\t{' '.join(item['words'])}\t{group}\t\t{item['voice']}")
    shipped = open_data(shipped_file(Kind.WORKLOAD, "words_rnnt").parent)
    for one in shipped.of(Use.CALIBRATE):
        archive = shipped.heard(one).arrays
        assert archive is not None
        (arrays[one.name],) = (archive.read(name) for name in archive.shapes)
        lines.append(f"{one.name}\t{' '.join(one.said)}\t{one.group}\tcalibrate\t")
    np.savez_compressed(folder / "in.npz", **arrays)
    (folder / "transcripts.tsv").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("data", type=Path)
    asked = parser.parse_args()
    asked.data.mkdir(parents=True, exist_ok=True)
    speech = Speech(asked.speech)
    write_held(speech, asked.data / "held")
    write_train(speech, asked.data)


if __name__ == "__main__":
    main()

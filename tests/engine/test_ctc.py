"""Searches over scores of CTC against their definitions: all ways through a few frames, one by one."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwsim.engine.decode.ctc import greedy, prefix_beam
from hwsim.engine.decode.ctc_lexicon import WordLoop

Floats = NDArray[np.float64]
BLANK = 0


def scores_of(seed: int, frames: int, symbols: int) -> Floats:
    """Logarithms of probabilities."""
    values = np.random.default_rng(seed).normal(size=(frames, symbols)) * 2
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def collapsed(way: tuple[int, ...]) -> tuple[int, ...]:
    """What a way says: neighbours that are equal once, and no blanks."""
    return tuple(symbol for symbol, _ in groupby(way) if symbol != BLANK)


def likelihoods(scores: Floats) -> dict[tuple[int, ...], float]:
    """Of each text the sum over all of its ways."""
    found: dict[tuple[int, ...], float] = {}
    for way in product(range(scores.shape[1]), repeat=len(scores)):
        text = collapsed(way)
        found[text] = found.get(text, 0.0) + float(np.exp(sum(scores[t, s] for t, s in enumerate(way))))
    return found


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 4))
def test_a_beam_that_holds_all_prefixes_finds_the_likeliest_text(seed: int, frames: int, symbols: int) -> None:
    scores = scores_of(seed, frames, symbols)
    found = likelihoods(scores)
    best = prefix_beam(scores, BLANK, beam=1000)
    assert found[best] == pytest.approx(max(found.values()), rel=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 4))
def test_greedy_says_what_the_likeliest_way_says(seed: int, frames: int, symbols: int) -> None:
    scores = scores_of(seed, frames, symbols)
    ways = product(range(symbols), repeat=frames)
    best = max(ways, key=lambda way: sum(scores[t, s] for t, s in enumerate(way)))
    assert greedy(scores, BLANK) == collapsed(best)


def test_a_bias_moves_the_blank_alone() -> None:
    scores = np.log(np.array([[0.6, 0.4], [0.4, 0.6]]))
    assert greedy(scores, BLANK) == (1,)
    assert greedy(scores, BLANK, bias=-1.0) == (1,)
    assert greedy(scores, BLANK, bias=1.0) == ()


def best_sentence(
    scores: Floats, sounds: list[tuple[int, ...]], between: int, penalty: float
) -> tuple[float, set[tuple[int, ...]]]:
    """The best score over all sequences of words and all of their ways, and the sequences that have it.

    Words stand one after another: between two of them there may be blanks and boundaries, or nothing.
    """
    frames, scored = len(scores), dict[tuple[int, ...], float]()

    def ways_of_word(sound: tuple[int, ...], first: int) -> dict[int, float]:
        """The best score of a word that begins at a frame, by the frame after its last one."""
        found: dict[int, float] = {}
        places = [sound[0]]
        for symbol in sound[1:]:
            places += [BLANK, symbol]
        states = {0: scores[first, sound[0]]}
        for frame in range(first, frames):
            if frame > first:
                step: dict[int, float] = {}
                for place, score in states.items():
                    for to in (place, place + 1, place + 2):
                        if to >= len(places):
                            continue
                        if to == place + 2 and (places[to] == BLANK or places[to] == places[place]):
                            continue
                        value = score + scores[frame, places[to]]
                        step[to] = max(step.get(to, -np.inf), value)
                states = step
            if len(places) - 1 in states:
                found[frame + 1] = float(states[len(places) - 1])
        return found

    def go(frame: int, words: tuple[int, ...], score: float) -> None:
        if frame == frames:
            scored[words] = max(scored.get(words, -np.inf), score)
            return
        go(frame + 1, words, score + float(max(scores[frame, BLANK], scores[frame, between])))
        for word, sound in enumerate(sounds):
            for end, value in ways_of_word(sound, frame).items():
                go(end, (*words, word), score + value + penalty)

    go(0, (), 0.0)
    best = max(scored.values())
    return best, {words for words, score in scored.items() if score > best - 1e-9}


@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.0, -3.0, 2.0]))
def test_the_words_of_a_loop_are_those_of_the_best_way(seed: int, frames: int, penalty: float) -> None:
    scores, sounds = scores_of(seed, frames, 5), [(1,), (2, 3), (1, 1), (3, 2, 3)]
    loop = WordLoop.of(sounds, BLANK, 4)
    _, best = best_sentence(scores, sounds, 4, penalty)
    assert loop.words(scores, penalty) in best


def test_two_equal_sounds_need_a_blank_between() -> None:
    sure = np.full((3, 2), -9.0)
    sure[[0, 1, 2], [1, 0, 1]] = 0.0
    loop = WordLoop.of([(1, 1)], BLANK, None)
    assert loop.words(sure) == (0,)
    assert WordLoop.of([(1, 1)], BLANK, None).words(sure[[0, 2]]) == ()

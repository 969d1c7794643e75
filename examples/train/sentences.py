"""What is said: digits, playing cards, numbers, commands, and words in any order."""

from random import Random

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SUITS = ["clubs", "spades", "hearts", "diamonds"]
RANKS = [*DIGITS[2:], "ten", "ace", "king", "queen", "jack"]
TEENS = ["ten", "eleven", "twelve"]
COMMANDS = [
    command.split()
    for command in (
        "go forward", "go backward", "turn left", "turn right", "go left", "go right", "stop", "go up", "go down",
    )
]  # fmt: skip
WORDS = [
    *DIGITS, "oh", *TEENS, *TENS, "hundred", "of", *SUITS, "ace", "king", "queen", "jack", "go", "forward", "backward",
    "left", "right", "turn", "stop", "meters", "up", "down", "yes", "no", "on", "off",
]  # fmt: skip
"""All words, in the order of the network's outputs behind the blank."""
PAUSES = 0.12
"""The share of words before which there is a pause."""


def sentence(drawn: Random) -> list[str]:
    """The words of one utterance."""
    kind = drawn.random()
    if kind < 0.42:
        return [drawn.choice([*DIGITS, "oh"]) for _ in range(drawn.randint(1, 7))]
    if kind < 0.60:
        cards = range(drawn.choice([1, 1, 2, 2, 3]))
        return [word for _ in cards for word in (drawn.choice(RANKS), "of", drawn.choice(SUITS))]
    if kind < 0.72:
        return [word for _ in range(drawn.randint(1, 3)) for word in _number(drawn)]
    if kind < 0.84:
        said = list(drawn.choice(COMMANDS))
        if drawn.random() < 0.6:
            said += [drawn.choice([*DIGITS[1:], *TENS, *TEENS]), "meters"]
        return said
    return [drawn.choice(WORDS) for _ in range(drawn.randint(1, 6))]


def _number(drawn: Random) -> list[str]:
    kind = drawn.random()
    if kind < 0.5:
        return [drawn.choice(TENS), drawn.choice(DIGITS[1:])]
    if kind < 0.8:
        return [drawn.choice([*TENS, *TEENS])]
    return [drawn.choice(DIGITS[1:]), "hundred"]


def text(words: list[str], drawn: Random) -> str:
    """The words as a synthesiser reads them: a comma is a pause."""
    said = words[0]
    for word in words[1:]:
        said += (", " if drawn.random() < PAUSES else " ") + word
    return said

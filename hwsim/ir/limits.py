"""How often the ops of a program may change their sizes: each size is checked, and planned for."""

from hwsim.errors import Unsupported

MOST_OPS = 1 << 16
"""Ops of a program, each counted as often as it changes its sizes: planning takes time and memory for each of them."""

MOST_SIZED = 2 * MOST_OPS
"""Epilogues counted too: at most every second op is one, so that a program with more has too many in any case."""


def too_many_sizes(program: str) -> Unsupported:
    """The refusal of a program with more than `MOST_SIZED` sizes."""
    return Unsupported(
        f"{program}: its ops change their sizes more than {MOST_OPS:,} times, hwsim plans no more; "
        "shorten the audio, or bound what grows with it"
    )

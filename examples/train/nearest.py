"""The arithmetic of hwsim's quantisers, for arrays of numpy and for tensors of torch alike.

That of `QuantParams.quantised` and `.real` without zero points: divided by the scale in single precision, halves to
even, clipped, times the scale.
"""

from typing import Any


def nearest(values: Any, scale: Any, highest: int) -> Any:
    """What the nearest integers stand for."""
    return (values / scale).round().clip(-highest, highest) * scale


def passes(values: Any, scale: Any, highest: int) -> Any:
    """Where nothing is clipped."""
    return abs(values) <= scale * (highest + 0.5)

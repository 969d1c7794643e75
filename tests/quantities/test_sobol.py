"""Sobol's sequence is the published one, and fills every dimension evenly."""

from itertools import islice

import numpy as np
import pytest
from scipy.stats import qmc

from hwsim.quantities.sobol import MOST_DIMENSIONS, sobol


@pytest.mark.parametrize("dimensions", [1, 2, 7, MOST_DIMENSIONS])
def test_it_is_the_sequence_of_an_independent_program(dimensions: int) -> None:
    points = np.array(list(islice(sobol(dimensions), 256)))
    assert np.array_equal(points, qmc.Sobol(dimensions, scramble=False).random(256))


def test_a_seed_shifts_it_and_leaves_it_as_even() -> None:
    for seed in (0, 1, 2):
        points = np.array(list(islice(sobol(4, seed), 64)))
        for column in points.T:
            assert sorted((column * 64).astype(int)) == list(range(64))
    assert list(islice(sobol(4, 1), 8)) != list(islice(sobol(4, 2), 8))

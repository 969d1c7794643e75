"""Sums of products of vectors, and the triangle of such sums: always in one order."""

import numpy as np

from hwsim.kernels.jit import kernel


@kernel
def add_products(left, right, out):
    """Adds Σ over m of left[m, k] · right[m, n] to out[k, n], m ascending, each product and each addition rounded.

    Columns of `left` are taken some at a time, so that what is added to stays near, and vectors four at a time, so that
    it is fetched more seldom.
    """
    count, rows, columns = left.shape[0], left.shape[1], right.shape[1]
    step = max(1, 16384 // max(1, columns))
    for first in range(0, rows, step):
        last = min(rows, first + step)
        for m in range(0, count - 3, 4):
            one, two, three, four = right[m], right[m + 1], right[m + 2], right[m + 3]
            for k in range(first, last):
                by_one, by_two, by_three, by_four = left[m, k], left[m + 1, k], left[m + 2, k], left[m + 3, k]
                sums = out[k]
                for n in range(columns):
                    total = sums[n] + by_one * one[n]
                    total += by_two * two[n]
                    total += by_three * three[n]
                    sums[n] = total + by_four * four[n]
        for m in range(count - count % 4, count):
            of_right = right[m]
            for k in range(first, last):
                factor, sums = left[m, k], out[k]
                for n in range(columns):
                    sums[n] += factor * of_right[n]


@kernel
def upper_triangle(left):
    """Makes of a positive definite left[k, k] the upper triangle R with RᵀR = left, row by row; below are zeros."""
    size = left.shape[0]
    for place in range(size):
        row = left[place]
        root = np.sqrt(row[place])
        for i in range(place, size):
            row[i] = row[i] / root
        for i in range(place + 1, size):
            factor, other = row[i], left[i]
            for j in range(i, size):
                other[j] -= factor * row[j]
    for place in range(1, size):
        for i in range(place):
            left[place, i] = 0.0


@kernel
def solve_with_triangle(factor, values):
    """Makes of values[k, n] the x with RᵀR x = values, for the upper triangle R."""
    size, columns = values.shape
    for place in range(size):
        mine = values[place]
        for before in range(place):
            share, theirs = factor[before, place], values[before]
            for n in range(columns):
                mine[n] -= share * theirs[n]
        for n in range(columns):
            mine[n] = mine[n] / factor[place, place]
    for place in range(size - 1, -1, -1):
        mine = values[place]
        for behind in range(place + 1, size):
            share, theirs = factor[place, behind], values[behind]
            for n in range(columns):
                mine[n] -= share * theirs[n]
        for n in range(columns):
            mine[n] = mine[n] / factor[place, place]

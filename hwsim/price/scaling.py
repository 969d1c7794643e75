"""Energy and area of the same circuit in another process and at another supply.

Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance from 180 nm to 7 nm",
Integration 58 (2017) 74-81, with the coefficients, and the rules between and beyond their nodes, that Accelergy's
library ships (accelergy-library-plug-in, scaling.py). Everything is rational, so that prices are exact.
"""

from bisect import bisect_left
from fractions import Fraction
from math import isqrt

from hwsim.errors import Unsupported

NODES_NM = (7, 10, 14, 16, 20, 32, 45, 65, 90, 130)

# Energy of a switching gate is proportional to a V² + b V + c.
_ENERGY = {
    7: ("0.1776", "-0.09097", "0.02447"),
    10: ("0.2068", "-0.09311", "0.02375"),
    14: ("0.2363", "-0.09675", "0.02239"),
    16: ("0.2958", "-0.1241", "0.03024"),
    20: ("0.373", "-0.1582", "0.04104"),
    32: ("0.9559", "-0.7823", "0.471"),
    45: ("1.103", "-0.362", "0.2767"),
    65: ("3.755", "-4.398", "1.975"),
    90: ("4.762", "-4.781", "2.092"),
    130: ("7.171", "-6.709", "2.904"),
}

# What an area in the node of a row becomes in the node of a column; columns go from 7 to 130 nm, as `NODES_NM`.
_AREA = {
    7: ("1", "1.7", "2.9", "3.2", "3.6", "7.8", "17", "25", "48", "110"),
    10: ("0.58", "1", "1.7", "1.9", "2.1", "4.5", "9.8", "15", "28", "63"),
    14: ("0.34", "0.59", "1", "1.1", "1.2", "2.7", "5.8", "8.7", "16", "37"),
    16: ("0.31", "0.54", "0.91", "1", "1.1", "2.4", "5.3", "7.9", "15", "34"),
    20: ("0.28", "0.48", "0.82", "0.89", "1", "2.2", "4.7", "7.1", "13", "30"),
    32: ("0.13", "0.22", "0.38", "0.41", "0.46", "1", "2.2", "3.3", "6.1", "14"),
    45: ("0.059", "0.1", "0.17", "0.19", "0.21", "0.46", "1", "1.5", "2.8", "6.4"),
    65: ("0.039", "0.068", "0.12", "0.13", "0.14", "0.31", "0.66", "1", "1.9", "4.3"),
    90: ("0.021", "0.036", "0.061", "0.067", "0.075", "0.16", "0.35", "0.53", "1", "2.3"),
    130: ("0.0092", "0.016", "0.027", "0.03", "0.033", "0.072", "0.16", "0.23", "0.44", "1"),
}

_DIGITS = 10**12


def energy_factor(from_nm: Fraction, from_volts: Fraction, to_nm: Fraction, to_volts: Fraction) -> Fraction:
    """By what an energy in one process at one supply is multiplied in another.

    >>> float(energy_factor(Fraction(45), Fraction(9, 10), Fraction(7), Fraction(3, 4)))
    0.0664935510996885
    """
    if (from_nm, from_volts) == (to_nm, to_volts):
        return Fraction(1)
    return _switching(to_nm, to_volts) / _switching(from_nm, from_volts)


def area_factor(from_nm: Fraction, to_nm: Fraction) -> Fraction:
    """By what an area in one process is multiplied in another.

    >>> float(area_factor(Fraction(45), Fraction(7))), float(area_factor(Fraction(7), Fraction(5)))
    (0.059, 0.7142857142857143)
    """
    if from_nm == to_nm:
        return Fraction(1)
    beyond = (to_nm / _known(to_nm)) / (from_nm / _known(from_nm))
    return beyond * sum(
        (
            share_from * share_to * Fraction(_AREA[node_from][NODES_NM.index(node_to)])
            for node_from, share_from in _between(_known(from_nm))
            for node_to, share_to in _between(_known(to_nm))
        ),
        Fraction(0),
    )


def leakage_factor(from_nm: Fraction, from_volts: Fraction, to_nm: Fraction, to_volts: Fraction) -> Fraction:
    """By what the leakage of a circuit is multiplied: as its switching energy, which is that library's assumption."""
    return energy_factor(from_nm, from_volts, to_nm, to_volts)


def root(value: Fraction) -> Fraction:
    """A square root to twelve decimals, rounded down: the same number on every machine."""
    return Fraction(isqrt(value.numerator * _DIGITS**2 // value.denominator), _DIGITS)


def _switching(nm: Fraction, volts: Fraction) -> Fraction:
    """The energy of a switching gate: linear in the node between two nodes, with its root beyond the last ones."""
    known = _known(nm)
    energy = sum((share * _at(node, volts) for node, share in _between(known)), Fraction(0))
    return energy if known == nm else energy * root(nm / known)


def _at(node: int, volts: Fraction) -> Fraction:
    a, b, c = (Fraction(coefficient) for coefficient in _ENERGY[node])
    lowest = -b / (2 * a)
    if volts <= lowest:
        raise Unsupported(
            f"{float(volts):g} V at {node} nm is below the {float(lowest):.3f} V under which the published scaling no "
            "longer falls; give a higher voltage, or a price table for that voltage"
        )
    return a * volts * volts + b * volts + c


def _known(nm: Fraction) -> Fraction:
    return min(max(nm, Fraction(NODES_NM[0])), Fraction(NODES_NM[-1]))


def _between(nm: Fraction) -> tuple[tuple[int, Fraction], ...]:
    """The nodes on both sides, with their shares."""
    place = bisect_left(NODES_NM, nm)
    above = NODES_NM[place]
    if above == nm:
        return ((above, Fraction(1)),)
    below = NODES_NM[place - 1]
    share = (nm - below) / (above - below)
    return (below, 1 - share), (above, share)

"""What compensation of drift takes: a vector for each row of each tile."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import HealthCheck, assume, given, settings

from hwsim.errors import Unsupported
from hwsim.hardware.analog.chip import AnalogChip
from hwsim.inputs.chips import load_analog_chip, prices_of
from hwsim.mapping.tiles.placement import place
from hwsim.models.catalogue import AnyRecipe, workload
from hwsim.price.book import PriceBook
from hwsim.price.tile_prices import AnalogTariff
from hwsim.study.readout import readout
from hwsim.timing.tile import vector_time
from strategies.analog_chips import analog_chip, analog_chips, in_integers
from strategies.programs import gemm
from strategies.recipes import RECIPES

PRICED = load_analog_chip("analog_pcm")


def priced(chip: AnalogChip) -> AnalogChip:
    array = replace(chip.array, input=PRICED.array.input)
    return replace(chip, array=array, energy=PRICED.energy, node=PRICED.node)


def test_a_matrix_is_read_row_by_row() -> None:
    """Seven rows on two tiles of 4 × 4: four vectors one after another, of 127 + 2 ns and 3 ns of conversion each.

    Each drives one row for 127 ns at a tenth of Gmax, 7 rows · 3 columns · 2 cells · 0.04 V² · 25 µS · 0.1, and
    converts three columns.
    """
    chip = priced(analog_chip())
    found = readout(chip, place(gemm(1, 7, 3), chip), PriceBook(chip, prices_of(chip)))
    assert found.picoseconds == 4 * 132_000
    volts, g_max = Fraction(1, 5), chip.array.device.g_max
    cells = 42 * volts**2 * g_max / 10 * Fraction(127, 10**9) * 10**18
    tariff = AnalogTariff.of(PriceBook(chip, prices_of(chip)))
    assert found.attojoules == round(cells) + 7 * tariff.drive.attojoules + 7 * 3 * tariff.conversion.attojoules


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(RECIPES, analog_chips())
def test_the_fullest_tile_says_how_long_it_takes(recipe: AnyRecipe, chip: AnalogChip) -> None:
    chip = priced(chip)
    try:
        placement = place(in_integers(workload(recipe).program), chip)
    except Unsupported:
        assume(False)
        raise
    found = readout(chip, placement, PriceBook(chip, prices_of(chip)))
    rows = [part.rows for matrix in placement.matrices for part in matrix.parts]
    one = vector_time(chip.array)
    assert found.picoseconds == ((max(rows) - 1) * one.interval + one.latency if rows else 0)
    assert (found.attojoules > 0) is bool(rows)

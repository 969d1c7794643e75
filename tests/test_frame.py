"""The public names do what the documentation shows."""

import pytest

import hwsim


def test_public_names_run_from_chip_to_frame() -> None:
    chip = hwsim.load_chip("int4_array")
    work = hwsim.load_workload("rnnt", precision="w4a4")
    result = hwsim.simulate(chip, work)
    frame = hwsim.to_frame(result)
    assert len(frame) == len(result.ops)
    assert frame["cycles"].sum() == result.summary.cycles
    assert frame["busy_cycles.load"].sum() == result.counters.busy.load
    rows = hwsim.to_frame(hwsim.compare(chip, work, precisions=("fp16", "w4a4")))
    assert list(rows["precision"]) == ["fp16", "w4a4"]


def test_public_names_are_those_that_exist() -> None:
    for name in hwsim.__all__:
        assert callable(getattr(hwsim, name))
    assert dir(hwsim) == hwsim.__all__
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        hwsim.simulat  # noqa: B018

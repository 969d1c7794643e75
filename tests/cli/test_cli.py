"""The command line as people first meet it: helps, lists, schemas, and how it answers mistakes, theirs or ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command import printed
from data import ARCH, PRICES, RNNT, ROOT
from hwsim.cli.main import COMMANDS, main
from hwsim.inputs.files import Kind, about, names
from hwsim.models.catalogue import RECIPES
from strategies.broken_files import POLICIES


def test_every_command_has_a_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        out, _ = printed(capsys, name, "--help")
        assert f"Example: hwsim {name}" in " ".join(out.split())


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys)[0] == printed(capsys, "--help")[0]


def test_the_commands_in_the_documentation_are_those_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "--help")
    documented = (ROOT / "docs" / "command_line.md").read_text()
    for name, does in COMMANDS.items():
        assert f"  {name}" in out
        assert f"| `{name}` | {does} |" in documented


def test_help_and_validation_do_not_wait_for_numba(tmp_path: Path) -> None:
    for args, forbidden in (
        (["--help"], ("numpy", "numba", "pydantic", "rich", "yaml")),
        (["check", str(ARCH)], ("numpy", "numba")),
    ):
        script = (
            f"import sys; from hwsim.cli.main import main; code = main({args!r}); "
            f"print([name for name in {forbidden!r} if name in sys.modules], code)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.slow
def test_a_run_needs_neither_pandas_nor_matplotlib(tmp_path: Path) -> None:
    script = (
        "import sys; from hwsim.cli.main import main; main(['run', 'int4_array', 'rnnt', '--json', '-']); "
        "print([name for name in ('pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("kind", ["arch", "workload", "energy", "dram"])
def test_schemas_are_json_schemas_of_the_shipped_files(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(printed(capsys, "schema", kind)[0])
    assert schema["$schema"].startswith("https://json-schema.org/")
    kinds = [schema]
    if kind == "workload":
        assert set(schema["discriminator"]["mapping"]) == set(RECIPES)
        kinds = [schema["$defs"][branch["$ref"].rpartition("/")[2]] for branch in schema["oneOf"]]
    if kind == "arch":
        kinds = [schema["$defs"][branch["$ref"].rpartition("/")[2]] for branch in schema["anyOf"]]
    for one in kinds:
        assert "name" in one["properties"]
        assert one["additionalProperties"] is False


def test_list_names_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "list")[0].splitlines()
    assert [line for line in lines if line.endswith(":")] == ["chips:", "workloads:", "price tables:", "DRAM devices:"]
    for kind in Kind:
        for name in names(kind):
            (line,) = [line for line in lines if line.split()[0] == name]
            assert line.removeprefix(f"  {name}").strip() == " ".join(about(kind, name).split())


def test_a_terminal_gets_sentences_cut_to_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = printed(capsys, "list")[0].splitlines()
    assert max(map(len, lines)) <= 70
    assert any(line.endswith(" …") for line in lines)


def test_show_prints_the_file_of_what_is_shipped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, path in (("int4_array", ARCH), ("rnnt", RNNT), ("generic_7nm", PRICES)):
        assert printed(capsys, "show", name)[0] == path.read_text()
    (tmp_path / "mine.yaml").write_text(printed(capsys, "show", "int4_array")[0])
    assert "valid" in printed(capsys, "check", str(tmp_path / "mine.yaml"))[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["runn"],
            "unknown command 'runn'; did you mean run? "
            "known: allocate, check, compare, diff, drift, gemm, list, mvm, ops, report, run, scalesim, schema, show, "
            "stream, sweep, table, trace, tune",
        ),
        (["run", "rnnt", "int4_array"], "rnnt: is a workload; the order is ARCH WORKLOAD"),
        (["compare", str(RNNT), "int4_array"], f"{RNNT}: is a workload; the order is ARCH WORKLOAD"),
        (["trace", "int4_array"], "int4_array: is a chip, where a workload is wanted"),
        (["run", "int4_array", "generic_7nm"], "generic_7nm: is a price table, where a workload is wanted"),
        (
            ["show", "rnn"],
            "unknown shipped name 'rnn'; did you mean rnnt? known: aladdin_40nm, analog_pcm, bit_serial, carat, "
            "conformer_l, conformer_m, conformer_s, ddr4_3200, edge_npu, fp16_array, gemmini, generic_7nm, hbm2_2000, "
            "hermes, horowitz_45nm, int4_array, int8_array, lpddr4_3200, lpddr4_4266, lpddr5_6400, lstm_lm, "
            "mlperf_rnnt, pcm_14nm, rapid, rnnt, spyre, tdnnf_7q, tpu_v1, transformer_lm",
        ),
        (
            ["run", "int4_array", "rnnt", "--seed", "-1"],
            "Invalid value for '--seed': -1 is not in the range x>=0.",
        ),
        (["run", "int4_array"], "Missing argument 'WORKLOAD'."),
        (
            ["run", "int4_aray", "rnnt"],
            "unknown chip 'int4_aray'; did you mean int4_array? known: analog_pcm, bit_serial, carat, edge_npu, "
            "fp16_array, gemmini, hermes, int4_array, int8_array, rapid, spyre, tpu_v1",
        ),
        (
            ["run", "int4_array", "rnnt", "--precision", "w3"],
            f"unknown precision policy 'w3'; did you mean w8a3? known: {POLICIES}",
        ),
        (
            ["run", "int4_array", "conformer_s", "--dim", "encoder.head=3"],
            "unknown dimension 'encoder.head'; did you mean encoder.heads? known: batch, decoder.joint.outputs, "
            "decoder.joint.size, decoder.prediction.cells, decoder.prediction.embedding, decoder.prediction.layers, "
            "decoder.prediction.symbols, encoder.feed_forward, encoder.heads, encoder.kernel, encoder.layers, "
            "encoder.mels, encoder.size",
        ),
        (
            ["run", "int4_array", "conformer_s", "--dim", "encoder.heads=5"],
            "encoder.heads = 5: must divide the size of 144",
        ),
        (
            ["run", "int4_array", "rnnt", "--dim", "decoding.beam=many"],
            "--dim = 'decoding.beam=many': must be a name and a whole number, such as encoder.layers=4",
        ),
        (
            ["compare", "int4_array", "rnnt", "--precisions", ","],
            "precisions = []: must list at least one policy, such as fp16, w4a4",
        ),
        (
            ["run", "int4_array", "rnnt", "--out", "/dev/null/x"],
            "/dev/null/x: cannot be made a folder: Not a directory",
        ),
        (
            ["schema", "chip"],
            "Invalid value for '{arch|workload|energy|dram|sweep}': "
            "'chip' is not one of 'arch', 'workload', 'energy', 'dram', 'sweep'.",
        ),
    ],
)
def test_what_users_get_wrong_is_one_line_and_exit_code_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    assert capsys.readouterr() == ("", f"hwsim: {message}\n")


def test_a_misspelt_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "int4_array", "rnnt", "--jsn", "-"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--jsn" in err
    assert "--json" in err


def test_a_defect_of_ours_is_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    breaks = "import hwsim.study.simulate as s; s.Planner = None; from hwsim.cli.main import run; run()"
    command = [sys.executable, "-c", breaks, "run", "int4_array", "rnnt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr

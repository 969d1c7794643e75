"""Where the checkout's own files are, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARCH = ROOT / "arch" / "int4_array.yaml"
RNNT = ROOT / "workloads" / "rnnt.yaml"
PRICES = ROOT / "arch" / "energy" / "generic_7nm.yaml"

TINY = """
name: tiny
kind: gemms
audio: 1 s
precision: w8a8
products: [{name: one, m: 2, k: 3, n: 4}]
"""

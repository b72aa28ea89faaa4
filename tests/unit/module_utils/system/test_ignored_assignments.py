"""Lines of an environment file that systemd ignores: found by what stands in the way, and no value of them."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file, ignored_assignments

TEXT = "\ufeffSHOP_A=1\nexport SHOP_B=2\n  export  SHOP_C='3'\nset SHOP_D=4\nSHOP_E: 5\n# SHOP_F=6\n"
WELL = "SHOP_G=7\n SHOP_H = 8\nexporter=9\nSHOP_I=a: b\n\n; just words: here\n#!/bin/sh\n"


def test_ignored_lines() -> None:
    """Each with its number and the reason; what systemd reads is not among them."""
    found = ignored_assignments.find(TEXT + WELL)
    assert [(item["name"], item["line"]) for item in found] == [
        ("SHOP_A", 1), ("SHOP_B", 2), ("SHOP_C", 3), ("SHOP_D", 4), ("SHOP_E", 5), ("SHOP_F", 6),
    ]  # fmt: skip
    assert [item["why"] for item in found[1:3]] == ["it begins with export"] * 2
    assert set(environment_file.parse(TEXT)) == set()
    assert ignored_assignments.find(WELL) == []

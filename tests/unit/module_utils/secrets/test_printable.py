"""What a module returns can be read by Ansible, whatever a host calls its files."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable_tree


def test_no_half_of_a_character_is_left() -> None:
    """Neither in a list nor in a dict; numbers and keys stay."""
    found = {
        "changed": True,
        "paths": ["/srv/trap\udcff.py", ("a\x1b[2J",)],
        "diff": {"before": "x\ud800y", "bytes": 3},
    }
    assert printable_tree(found) == {
        "changed": True,
        "paths": ["/srv/trap.py", ["a"]],
        "diff": {"before": "xy", "bytes": 3},
    }

"""The demonstration: on a host that has what its faults need."""

from __future__ import annotations

import pytest

from rescue502 import demo
from rescue502.run import RunError


def test_a_fault_is_shown_on_a_host_that_has_what_it_needs() -> None:
    """Any failure mode can be shown; two that need different hosts cannot be shown together."""
    assert demo.shape_for(list(demo.DEFAULT_FAULTS)) == "tcp"
    assert demo.shape_for(["service/activated-socket-removed"]) == "activated"
    with pytest.raises(RunError, match="one by one"):
        demo.shape_for(["service/activated-socket-removed", "database/unreachable-remote", "files/build-missing"])

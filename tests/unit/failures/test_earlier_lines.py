"""What nginx's error log said before the checks of this look, and says no more, is not a cause of this moment."""

from __future__ import annotations

import pytest
from changed_recordings import Evidence, causes

NAMES = {
    "proxy/socket-out-of-sight": "connect-missing",
    "proxy/authorization-service": "authorization-service",
    "proxy/connections-exhausted": "worker-connections",
    "proxy/open-files": "open-files",
    "proxy/rate-limited": "request-rate",
    "proxy/proxy-protocol": "proxy-protocol",
}


@pytest.mark.parametrize(("mode", "name"), NAMES.items())
def test_a_line_of_a_moment_ago_names_no_cause(mode: str, name: str) -> None:
    """While the app was restarted, or its authorization service, nginx wrote the very words."""

    def earlier(evidence: Evidence) -> None:
        (known,) = [item for item in evidence["proxy"]["known_errors"] if item["name"] == name]
        known["earlier"] = True

    assert mode in causes(mode)
    assert mode not in causes(mode, earlier)

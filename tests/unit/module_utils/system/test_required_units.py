"""Which of the units that a unit requires keep it from starting."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import required_units, systemd

UP = {"LoadState": "loaded", "ActiveState": "active"}
DOWN = {"LoadState": "loaded", "ActiveState": "inactive"}
SERVER = {"Id": "server.service", "Requires": "system.slice srv-data.mount", "TriggeredBy": "server.socket"}
MOUNT = {**DOWN, "Id": "srv-data.mount", "Requires": "disk.service"}


def shown(monkeypatch: pytest.MonkeyPatch, *units: dict[str, str]) -> None:
    """Have systemd know these units."""
    known = {unit["Id"]: unit for unit in [{**UP, "Id": "system.slice"}, *units]}
    monkeypatch.setattr(systemd, "show_many", lambda names, keys: [known[name] for name in names if name in known])


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([{**MOUNT, **UP}], []),
        # It is mounted when the server is started.
        ([MOUNT, {**DOWN, "Id": "disk.service"}], []),
        ([{**MOUNT, "What": "/dev/null"}, {**DOWN, "Id": "disk.service"}], []),
        ([{**MOUNT, "What": "server:/export"}, {**DOWN, "Id": "disk.service"}], []),
        ([{**MOUNT, "ActiveState": "failed"}], [("srv-data.mount", "server.service", "")]),
        ([MOUNT, {**DOWN, "Id": "disk.service", "LoadState": "masked"}], [("disk.service", "srv-data.mount", "")]),
        ([{**MOUNT, "What": "/dev/mapper/none"}], [("srv-data.mount", "server.service", "/dev/mapper/none")]),
        (
            [{**MOUNT, "BindsTo": r"dev-no\x2dsuch.device"}, {**DOWN, "Id": r"dev-no\x2dsuch.device"}],
            [(r"dev-no\x2dsuch.device", "srv-data.mount", "/dev/no-such")],
        ),
        ([{**MOUNT, "BindsTo": "dev-null.device"}, {**DOWN, "Id": "dev-null.device"}], []),
        ([{**MOUNT, "AssertResult": "no", "AssertTimestamp": "Sun"}], [("srv-data.mount", "server.service", "")]),
        # It was never tried.
        ([{**MOUNT, "AssertResult": "no", "AssertTimestamp": ""}], []),
    ],
)
def test_what_keeps_a_unit_from_starting(
    monkeypatch: pytest.MonkeyPatch, units: list[dict[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    """What failed, what cannot be started, and a device that is not there; not what a start brings up along with it."""
    shown(monkeypatch, *units)
    found = required_units.broken(SERVER)
    assert [(item["name"], item["required_by"], item["absent"]) for item in found] == expected


def test_a_units_own_socket_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails together with its service."""
    shown(monkeypatch, {**UP, "Id": "server.socket", "ActiveState": "failed"})
    assert required_units.broken({**SERVER, "Requires": "server.socket"}) == []

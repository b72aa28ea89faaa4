"""Services that do not run and should, in the words of `systemctl show` of systemd 252."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import idle_units

SERVICES = """Type=oneshot
Result=success
Id=systemd-remount-fs.service
ActiveState=active
ActiveEnterTimestamp=Sat 2026-11-28 22:43:58 UTC

Type=simple
Result=exit-code
Id=worker.service
ActiveState=failed
ActiveEnterTimestamp=Sat 2026-11-28 22:45:15 UTC

Type=
Result=success
Id=auditd.service
ActiveState=inactive
ActiveEnterTimestamp=

Type=oneshot
Result=success
Id=apt-daily.service
ActiveState=inactive
ActiveEnterTimestamp=Sat 2026-11-28 22:44:58 UTC

Type=simple
Result=success
Id=queue.service
ActiveState=inactive
ActiveEnterTimestamp=Sat 2026-11-28 22:45:15 UTC

Type=simple
Result=success
Id=byhand.service
ActiveState=inactive
ActiveEnterTimestamp=Sat 2026-11-28 22:45:15 UTC

Type=forking
Result=success
Id=nginx.service
ActiveState=active
ActiveEnterTimestamp=Sat 2026-11-28 22:43:58 UTC
"""
STATES = """Id=queue.service
UnitFileState=enabled

Id=byhand.service
UnitFileState=static
"""
WORKER = {"unit": "worker.service", "state": "failed", "result": "exit-code"}
QUEUE = {"unit": "queue.service", "state": "inactive", "result": "success"}


@pytest.mark.parametrize(
    ("own", "expected"),
    [("xamila.service", [WORKER, QUEUE]), ("worker.service", [QUEUE]), ("queue.service", [WORKER])],
)
def test_who_is_down(monkeypatch: pytest.MonkeyPatch, own: str, expected: list[dict[str, str]]) -> None:
    """What failed, and what ran and is enabled: not what never ran, is done, runs, or somebody started by hand."""
    asked: list[tuple[str, ...]] = []

    def systemctl(*words: str, timeout: float) -> str:
        assert timeout > 0
        asked.append(words[words.index("--") + 1 :])
        return SERVICES if asked[-1] == ("*.service",) else STATES

    monkeypatch.setattr(idle_units.systemd, "systemctl", systemctl)
    assert idle_units.collect(own) == expected
    assert asked[1] == tuple(name for name in ("queue.service", "byhand.service") if name != own)

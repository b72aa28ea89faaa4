"""In which order systemd is asked to bring a unit up."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd
from ansible_collections.rescue502.django.plugins.modules import restart

APP, SOCKET = "shop.service", "shop.socket"
RESET = ("reset-failed", "--", APP)


class Systemd:
    """Units with their states, and what was asked of them."""

    def __init__(self, **states: str) -> None:
        self.states = {f"shop.{kind}": state for kind, state in states.items()}
        self.stale, self.objection, self.asked = False, "", list[tuple[str, ...]]()

    def show_many(self, units: list[str], _properties: list[str]) -> list[dict[str, str]]:
        triggers = SOCKET if SOCKET in self.states else ""
        shown = {"SubState": "", "Result": "exit-code", "InvocationID": "", "TriggeredBy": triggers}
        return [
            {
                "Id": unit,
                "ActiveState": self.states[unit],
                "NeedDaemonReload": "yes" if self.stale else "no",
                **shown,
            }
            for unit in units
            if unit in self.states
        ]

    def change(self, *words: str, timeout: float) -> str:
        assert timeout > 0
        self.asked.append(words)
        self.stale &= words != ("daemon-reload",)
        # systemd has nothing to reset for a unit that it has not loaded.
        return "Unit shop.service not loaded." if words[0] == "reset-failed" else ""


def run(monkeypatch: pytest.MonkeyPatch, fake: Systemd) -> list[tuple[str, ...]]:
    """What is asked of this systemd, but for looks."""
    monkeypatch.setattr(systemd, "show_many", fake.show_many)
    monkeypatch.setattr(systemd, "change", fake.change)
    monkeypatch.setattr(systemd, "objection", lambda _unit: fake.objection)
    restart.run(APP)
    return fake.asked


@pytest.mark.parametrize(
    ("state", "verb"),
    [("inactive", "start"), ("failed", "start"), ("active", "restart"), ("activating", "restart")],
)
def test_what_is_down_is_started_and_what_is_up_restarted(
    state: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After what failed before was forgotten; where there is nothing to forget, that is no obstacle."""
    assert run(monkeypatch, Systemd(service=state)) == [RESET, (verb, "--", APP)]


def test_changed_files_are_loaded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, before anything is started."""
    fake = Systemd(service="active")
    fake.stale = True
    assert run(monkeypatch, fake) == [("daemon-reload",), RESET, ("restart", "--", APP)]


def test_a_file_in_the_making_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd has loaded starts; what is on disk would not."""
    fake = Systemd(service="inactive")
    fake.stale, fake.objection = True, "shop.service: Command /usr/bin/not-yet is not executable"
    assert run(monkeypatch, fake) == [RESET, ("start", "--", APP)]


def test_sockets_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open one is left alone; a closed one is opened while its service is down."""
    assert run(monkeypatch, Systemd(service="active", socket="active")) == [(*RESET, SOCKET), ("restart", "--", APP)]
    opened = [("start", "--", SOCKET), ("start", "--", APP)]
    assert run(monkeypatch, Systemd(service="failed", socket="failed")) == [(*RESET, SOCKET), *opened]
    stopped = [(*RESET, SOCKET), ("stop", "--", APP, SOCKET)]
    assert run(monkeypatch, Systemd(service="active", socket="inactive")) == [*stopped, *opened]


def test_waiting_ends_with_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Immediately where it stopped again, else when the time is up; the text says what is silent and why."""
    here: dict[str, Any] = {"kind": "unix", "path": "/not/there.sock"}
    fake = Systemd(service="failed")
    monkeypatch.setattr(systemd, "show_many", fake.show_many)
    monkeypatch.setattr(restart, "STATE_SECONDS", 0)
    with pytest.raises(restart.RestartError, match=r"stopped again: failed, , result exit-code"):
        restart.wait_until_listening(APP, [here], 60)
    fake.states[APP] = "active"
    with pytest.raises(restart.RestartError, match=r"listen on /not/there.sock \(No such file or directory\) 0 s"):
        restart.wait_until_listening(APP, [here], 0)
    restart.wait_until_listening(APP, [], 0)
    with pytest.raises(restart.RestartError, match="no unit of this name"):
        restart.state("other.service")

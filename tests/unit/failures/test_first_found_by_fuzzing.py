"""What generated hosts once showed to be wrong: recorded evidence, with what was different there put in."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from tools import recordings
from tools.fuzz.trial import but_what_runs

CATALOGUE = load()


def recorded(mode: str) -> dict[str, Any]:
    """A recording that may be changed."""
    return copy.deepcopy(recordings.evidence(mode))


def causes(evidence: dict[str, Any]) -> list[str]:
    """Ids of the root causes."""
    return [cause.id for cause in diagnose(evidence, CATALOGUE).root_causes]


def raises(evidence: dict[str, Any], step: str, **error: Any) -> None:
    """Let a step of the rehearsal fail with this error."""
    facts = {"type": "", "message": "", "file": "", "line": 0, "in_app": False, "module": "", "module_in_app": False}
    described = {**facts, "path": "", "env_key": "", "env_value": "", "chain": [], **error}
    evidence["rehearsal"]["steps"][step] = {"ok": False, "error": described, "seconds": 0.1, "path": "/health/"}


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"type": "ImproperlyConfigured", "env_key": "SECRET_KEY", "env_empty": True}, "environment/key-missing"),
        ({"type": "KeyError", "message": "'PAYMENT_KEY'", "env_key": "PAYMENT_KEY"}, "environment/key-missing"),
        ({"type": "ValueError", "env_value": "PAGE_SIZE"}, "environment/value-invalid"),
        ({"type": "RuntimeError", "message": "the licence has ended"}, "code/raises-on-request"),
    ],
)
def test_a_variable_that_only_a_request_asks_for(error: dict[str, Any], cause: str) -> None:
    """The app comes up without it, and answers 500; what no variable is about is the code's."""
    evidence = recorded("code/raises-on-request")
    raises(evidence, "requests", **error)
    assert causes(evidence) == [cause]


def test_a_role_that_may_not_connect() -> None:
    """The server's own word to the app's connection; who owns the tables cannot be asked then."""
    evidence = recorded("database/no-connection")
    message = 'connection failed: FATAL:  permission denied for database "shop"\nDETAIL:  User has no CONNECT.'
    evidence["database"]["error"] = {**evidence["database"]["error"], "message": message, "chain": []}
    found = diagnose(evidence, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["database/connect-denied"]
    assert 'permission denied for database "shop"' in found.root_causes[0].because


def test_what_nginx_said_while_the_app_was_started() -> None:
    """Where it hands the app's own answers on by now, it sees the socket."""
    evidence = recorded("proxy/socket-out-of-sight")
    assert causes(evidence) == ["proxy/socket-out-of-sight"]
    evidence["edge"]["statuses"] = [500]
    assert "proxy/socket-out-of-sight" not in causes(evidence)


def test_a_server_that_ends_without_an_error_because_the_app_does_not_load() -> None:
    """hypercorn's status is 0 then. Whom somebody has stopped has not written that error."""
    evidence = recorded("dependencies/missing")
    unit = {"active_state": "inactive", "sub_state": "dead", "result": "success", "exit_status": 0}
    evidence["service"]["unit"].update(unit)
    evidence["service"].update(listening=False, start_limit_hit=False)
    evidence["stack"]["server"] = "hypercorn"
    evidence["log"]["errors"] = ["ModuleNotFoundError: No module named 'slugify'"]
    assert causes(evidence) == ["dependencies/missing"]
    evidence["log"]["errors"] = []
    assert causes(evidence) == ["dependencies/missing", "service/stopped"]
    assert causes(recorded("service/stopped")) == ["service/stopped"]


def late(evidence: dict[str, Any], *statuses: int) -> dict[str, Any]:
    """A shadow start that gave these answers, 0 for none in time, to an app that nginx gave up on."""
    names = ["http://127.0.0.1/health/", "http://127.0.0.1/api/items/"]
    checks = [
        {"name": name, "status": status, "problem": "" if status else "no answer within 2.8 s", "well": bool(status),
         "seconds": 1.0} for name, status in zip(names, statuses, strict=False)
    ]  # fmt: skip
    evidence["shadow_start"] = {**evidence["shadow_start"], "tried": True, "result": "fails", "checks": checks}
    evidence["proxy"]["stalled_paths"] = ["/api/items/"]
    return evidence


def test_slow_pages_that_keep_all_workers_are_no_hang() -> None:
    """An app that is started for trial is as slow with that page, and not with another."""
    assert causes(recorded("service/hung")) == ["service/hung"]
    assert causes(late(recorded("service/hung"), 200, 0)) == ["proxy/timeout"]
    # Where none is answered, it may as well be the machine; where the running app has answered another one, it is not.
    assert causes(late(recorded("service/hung"), 0)) == ["service/hung"]
    evidence = late(recorded("service/hung"), 0)
    evidence["proxy"]["slow"][-1]["status"] = 200
    assert causes(evidence) == ["proxy/timeout"]


@pytest.mark.parametrize("step", ["application", "requests"])
def test_a_damaged_package_that_is_met_at_a_request(step: str) -> None:
    """As where a page imports what it needs when it is asked for."""
    evidence = recorded("dependencies/damaged" if step == "application" else "code/raises-on-request")
    damage = {"requirement": "Django==4.2.16", "module": "django.core.handlers.base", "path": "/v/base.py"}
    evidence["dependencies"]["damaged"] = [{**damage, "why": "is missing", "native": False}]
    raises(evidence, step, type="ImportError", module="django.core.handlers.base")
    found = diagnose(evidence, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["dependencies/damaged"]
    assert "base.py of Django==4.2.16 is missing" in found.root_causes[0].because


def test_the_apps_own_socket_is_no_change() -> None:
    """It comes and goes as the app crashes and is started again; another file of that folder is one."""
    changed = {"files:/srv/shop/run/app.sock", "files:/srv/shop/run/other", "files:/var/log/shop/app.log"}
    assert but_what_runs(changed, "/srv/shop/run/app.sock") == {"files:/srv/shop/run/other"}


def test_a_folder_that_is_gone_with_the_working_directory() -> None:
    """As where a link to a release leads nowhere: the socket's folder is not what is missing; one in /run is."""
    evidence = recorded("service/socket-dir-missing")
    assert causes(evidence) == ["service/socket-dir-missing"]
    evidence["service"]["unit"]["workdir_exists"] = False
    assert causes(evidence) == ["service/socket-dir-missing", "service/workdir-missing"]
    bind = next(bind for bind in evidence["service"]["binds"] if bind["folder_missing"])
    bind["folder"] = evidence["service"]["unit"]["workdir"] + "/run"
    assert causes(evidence) == ["service/workdir-missing"]

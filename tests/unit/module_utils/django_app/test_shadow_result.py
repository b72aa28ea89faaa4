"""What a shadow start has shown: from what systemd, the answers and the program itself said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import shadow_result

ROOT = "/srv/shop"
RUNS = {"ActiveState": "active", "Result": "success", "ExecMainCode": "0", "ExecMainStatus": "0"}
WELL = [{"status": 200, "well": True}]
WRONG = [{"status": 500, "well": False}]


def ended(result: str, code: int, status: int) -> dict[str, str]:
    return {"ActiveState": "failed", "Result": result, "ExecMainCode": str(code), "ExecMainStatus": str(status)}


def traceback(raised: str, *files: str) -> list[str]:
    frames = [line for file in files for line in (f'  File "{file}", line 7, in call', "    answer = call()")]
    return ["[2026-11-27 23:53:23 +0000] [345] [ERROR] Error handling request /", "Traceback (most recent call last):",
            *frames, raised]  # fmt: skip


SYNC = "/srv/shop/venv/lib/python3.11/site-packages/gunicorn/workers/sync.py"
UVICORN = "/srv/shop/venv/lib/python3.11/site-packages/uvicorn/middleware/proxy_headers.py"
ASGI = traceback("TypeError: ASGIHandler.__call__() missing 1 required positional argument: 'send'", SYNC)
WSGI = traceback("TypeError: WSGIHandler.__call__() takes 3 positional arguments but 4 were given", UVICORN)
FACTORY = traceback("TypeError: make() takes 0 positional arguments but 2 were given", SYNC)
OWN_CALL = traceback("TypeError: f() missing 1 required positional argument: 'x'", SYNC, f"{ROOT}/shop/views.py")
NO_FOLDER = traceback(
    "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp']", "/usr/lib/tempfile.py"
)


@pytest.mark.parametrize(
    ("state", "listened", "checks", "said", "result"),
    [
        (RUNS, True, WELL, [], "serves"),
        (RUNS, True, WELL + WRONG, [], "fails"),
        (RUNS, True, WRONG, OWN_CALL, "fails"),
        (RUNS, True, WRONG, ASGI, "interface"),
        (RUNS, True, WRONG, WSGI, "interface"),
        (RUNS, True, WRONG, FACTORY, "interface"),
        (RUNS, True, [{"status": 0, "well": False}], [], "silent"),
        (RUNS, False, [], [], "silent"),
        (ended("exit-code", 1, 1), False, [], ["gunicorn: error: unrecognized arguments: --x"], "refuses"),
        (ended("exit-code", 1, 1), True, [], NO_FOLDER, "temporary-folder"),
        (ended("exit-code", 1, 3), True, [], traceback("KeyError: 'X'", f"{ROOT}/shop/settings.py"), "exits"),
        (ended("exit-code", 1, 226), False, [], [], "setup"),
        (ended("resources", 0, 0), False, [], ["Job failed because of unavailable resources"], "setup"),
        (ended("watchdog", 3, 6), True, [], [], "watchdog"),
        (ended("oom-kill", 2, 9), True, [], [], "oom-kill"),
        (ended("signal", 2, 31), True, [], [], "killed"),
        ({**ended("success", 1, 0), "ActiveState": "inactive"}, False, [], [], "exits"),
    ],
)  # fmt: skip
def test_each_result(
    state: dict[str, str], listened: bool, checks: list[dict[str, Any]], said: list[str], result: str
) -> None:
    """One row for each."""
    assert shadow_result.judged(state, listened, checks, said, ROOT, "gunicorn")["result"] == result


def test_the_signal_and_the_status_are_named() -> None:
    """As the manual pages have them."""
    killed = shadow_result.judged(ended("signal", 2, 31), True, [], [], ROOT, "gunicorn")
    assert (killed["signal"], killed["status"]) == ("SIGSYS", 0)
    exited = shadow_result.judged(ended("exit-code", 1, 3), True, [], [], ROOT, "gunicorn")
    assert (exited["signal"], exited["status"]) == ("", 3)


def test_the_last_exception_with_its_place() -> None:
    """The app's own line where it went through one."""
    said = [*ASGI, *traceback("shop.errors.NoLicence: ended", SYNC, f"{ROOT}/shop/views.py", "/usr/lib/x.py"), "later"]
    assert shadow_result.raised(said, ROOT) == {
        "type": "NoLicence", "message": "ended", "file": f"{ROOT}/shop/views.py", "line": 7, "in_app": True,
        "server": "",
    }  # fmt: skip
    assert shadow_result.raised(["[INFO] Booting worker"], ROOT) is None


def test_uwsgi_calls_from_c() -> None:
    """So that there is no traceback of a call that fails; of another server such a line is only somebody's words."""
    said = [
        "*** uWSGI is running ***",
        "TypeError: ASGIHandler.__call__() missing 1 required positional argument: 'send'",
    ]
    wrong = [{"name": "api", "status": 500, "well": False}]
    state = {"ActiveState": "active"}
    found = shadow_result.judged(state, True, wrong, said, ROOT, "uwsgi")
    assert (found["result"], found["error"]["server"]) == ("interface", "uwsgi")
    assert shadow_result.judged(state, True, wrong, said, ROOT, "gunicorn")["result"] == "fails"
    assert shadow_result.judged(state, True, wrong, said[:1], ROOT, "uwsgi")["error"] is None

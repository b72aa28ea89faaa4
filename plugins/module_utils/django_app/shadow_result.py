# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a shadow start has shown: systemd's state, the answers and the program's last words in, one result out. Pure.

Source: org.freedesktop.systemd1(5), "Result"; systemd.exec(5), "Process Exit Codes".
"""

from __future__ import annotations

import os
import re
import signal
from typing import Any

KEPT_LINES = 12
LINE_LENGTH = 400
# What systemd leaves where it could not even start the program.
SYSTEMDS_OWN = range(200, 246)
_EXITED, _KILLED, _DUMPED = "1", "2", "3"
_REFUSAL = re.compile(r"^(?:\w+: error: |Error: |Failed to read config file: )(.+)")
_FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+)')
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$")
_TRACEBACK = "Traceback (most recent call last):"
# gunicorn keeps a file for each worker there by which it sees that it lives.
_TEMPORARY = re.compile(r"No usable temporary directory|wgunicorn-")
# The call of the app itself has failed, because it takes other arguments or is nothing to be called.
_CALL = re.compile(r"positional argument|not callable|object can't be used in 'await'")
_SERVER = re.compile(r"/(gunicorn|uvicorn|hypercorn|daphne)/")


def judged(
    state: dict[str, str], listened: bool, checks: list[dict[str, Any]], said: list[str], root: str, server: str
) -> dict[str, Any]:
    """{result, status, signal, words, error} of a start. docs/evidence.md says what each means.

    state: the trial unit's. listened: whether it came to listen. checks: the answers that it gave. said: its lines.
    server: the app server's name.
    """
    error = raised(said, root) or (_of_uwsgi(said) if server == "uwsgi" else None)
    ended = state.get("ActiveState") in ("failed", "inactive")
    code, status = state.get("ExecMainCode", ""), state.get("ExecMainStatus", "")
    number = int(status) if ended and status.isdigit() else 0
    return {
        "result": _result(state, ended, listened, checks, said, error, number),
        "status": number if code == _EXITED else 0,
        "signal": _name(number) if code in (_KILLED, _DUMPED) else "",
        "words": [line[:LINE_LENGTH] for line in said[-KEPT_LINES:]],
        "refusal": _refusal(said) if ended else "",
        "error": error,
    }


def check_facts(answer: dict[str, Any]) -> dict[str, Any]:
    """What the evidence has of an answer to one of the requests; `allowed` where it says something of CORS."""
    allowed = (answer["cors"] or {}).get("allowed", "")
    kept = {name: answer[name] for name in ("name", "status", "problem", "well", "seconds")}
    return {**kept, **({"allowed": allowed[:200]} if allowed else {})}


def _result(
    state: dict[str, str],
    ended: bool,
    listened: bool,
    checks: list[dict[str, Any]],
    said: list[str],
    error: dict[str, Any] | None,
    number: int,
) -> str:
    if not ended and checks and all(check["well"] for check in checks):
        return "serves"
    if state.get("Result") == "exec-condition":
        return "condition"
    if _is_wrong_interface(error):
        return "interface"
    if error and _TEMPORARY.search(error["message"]):
        return "temporary-folder"
    if not ended:
        return "fails" if any(check["status"] for check in checks) else "silent"
    if state.get("Result") in ("watchdog", "oom-kill"):
        return str(state["Result"])
    if state.get("ExecMainCode") in (_KILLED, _DUMPED):
        return "killed"
    if number in SYSTEMDS_OWN or state.get("Result") == "resources":
        return "setup"
    return "refuses" if not listened and not error and _refusal(said) else "exits"


def _is_wrong_interface(error: dict[str, Any] | None) -> bool:
    """Whether the server's own call of the app has failed: nothing of the app's was entered."""
    return bool(error and error["type"] == "TypeError" and error["server"] and _CALL.search(error["message"]))


def _refusal(said: list[str]) -> str:
    """The server's own last words about its command line or its configuration; empty where there are none."""
    return next((line[:LINE_LENGTH] for line in reversed(said) if _REFUSAL.match(line)), "")


def raised(said: list[str], root: str) -> dict[str, Any] | None:
    """The last exception that was written with its traceback: {type, message, file, line, in_app, server}; None.

    file, line: the innermost place of the app's own, else of any. server: the app server in whose own code it was
    raised; empty where it was not.
    """
    starts = [index for index, line in enumerate(said) if line.strip() == _TRACEBACK]
    if not starts:
        return None
    frames: list[tuple[str, int]] = []
    for line in said[starts[-1] + 1 :]:
        if match := _FRAME.match(line):
            frames.append((match.group(1), int(match.group(2))))
        elif not line.startswith(" ") and (match := _RAISED.match(line)):
            own = [frame for frame in frames if _is_own(frame[0], root)]
            innermost = frames[-1] if frames else ("", 0)
            place, server = own[-1] if own else innermost, _SERVER.search(innermost[0])
            return {
                "type": match.group(1).rpartition(".")[2],
                "message": (match.group(2) or "")[:LINE_LENGTH],
                "file": place[0],
                "line": place[1],
                "in_app": bool(own),
                "server": server.group(1) if server else "",
            }
    return None


def _of_uwsgi(said: list[str]) -> dict[str, Any] | None:
    """An exception of uWSGI's own call of the app, which comes from C and has no traceback; as raised()."""
    for line in reversed(said):
        if (match := _RAISED.match(line)) and match.group(1) == "TypeError":
            message = (match.group(2) or "")[:LINE_LENGTH]
            return {"type": "TypeError", "message": message, "file": "", "line": 0, "in_app": False, "server": "uwsgi"}
    return None


def _is_own(path: str, root: str) -> bool:
    return path.startswith(os.path.join(root, "")) and "/site-packages/" not in path


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

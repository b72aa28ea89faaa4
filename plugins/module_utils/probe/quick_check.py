# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reasons why a quick look is not enough, so that a healthy host is not looked at any further."""

from __future__ import annotations

from typing import Any


def reasons_to_look_deeper(evidence: dict[str, Any]) -> list[str]:
    """Why the quick look is not enough; empty on a healthy host. A section that failed is a reason too.

    Of files and file systems there is none where a deep look was asked for: they are then looked at whole, once.
    """
    reasons = [
        f"{name} could not be read" for name, part in evidence.items() if isinstance(part, dict) and "failed" in part
    ]
    if reasons:
        return reasons
    unit, base = evidence["service"]["unit"], evidence["database"]
    checks = {
        "no edge checks are configured, so that an answer proves little": not evidence["edge"]["configured"],
        "the edge does not answer as it should": not evidence["edge"]["well"],
        "answers of 500 and more since the unit was started": bool(evidence["edge"]["recent_errors"]["count"]),
        "the unit is not running": (unit["active_state"], unit["sub_state"]) != ("active", "running"),
        "the unit file is newer than what systemd loaded": unit["needs_reload"],
        "the unit does not come back after a reboot": unit["file_state"] == "disabled" and not unit["triggered_by"],
        "nobody listens where the app should": evidence["service"]["listening"] is False,
        "the backend does not answer": evidence["service"]["backend"].get("well") is False,
        "the database cannot be reached": bool(base["door"]),
        "the database is not running": base["local"] is True and not (base["running"] and base["listening"]),
        "an environment file is missing or open to others": bool(
            evidence["environment"]["missing"] or evidence["environment"]["exposed"]
        ),
        "a certificate has expired": any(
            item and (item["days_left"] or 0) < 0 for item in evidence["edge"]["certificates"]
        ),
        "a certificate that is shown has expired": any(item["days_left"] < 0 for item in evidence["edge"]["shown"]),
        "a host name is refused": 400 in evidence["edge"]["statuses"],
        "debug is on": evidence["environment"]["debug"],
    }
    if "host" in evidence:
        wrong = [evidence["host"][name] for name in ("full", "without_inodes", "read_only")]
        checks["a file system is full, or cannot be written"] = any(wrong)
        checks["a folder for temporary files cannot be used by all"] = bool(evidence["host"].get("temporary"))
    if "files" in evidence:
        checks["files have wrong owners or modes"] = any(evidence["files"]["violations"].values())
        checks["static files are missing"] = evidence["files"]["static_empty"]
    return [reason for reason, found in checks.items() if found]

# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An incident in a few lines, for people who are not looking: whether it is news, and what they read. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import conclusion

# Nothing happened, or somebody else is at work: nobody is to be woken for it.
QUIET = ("healthy", "locked")
# What chats read as a mark-up of theirs, such as <!channel> in text from a host.
_HARMLESS = str.maketrans("<>", "\u2039\u203a")


def is_news(record: Record, last: str) -> bool:
    """Whether anybody is to be notified. last: the fingerprint of the last incident they know of; empty for none.

    A site that is well again is news to those who know that it was not.
    """
    if record["outcome"] == "healthy":
        return bool(last)
    return record["outcome"] not in QUIET and (fingerprint(record) != last or record["outcome"] == "recovered")


def fingerprint(record: Record) -> str:
    """What must differ for an incident to be news: outcome, causes and what waits for a person, but not when it was."""
    said = [record["outcome"], sorted(cause["id"] for cause in record["root_causes"])]
    waiting = sorted(item["id"] for item in record["awaiting"])
    return hashlib.sha256(json.dumps([*said, waiting]).encode()).hexdigest()[:32]


def payload(record: Record, link: str) -> dict[str, Any]:
    """The JSON of a plain webhook. `text` is what Slack, Teams and Mattermost show. link: where the report is."""
    found = conclusion.result(record)
    done = [f"{action['remedy']}{'' if action['ok'] else ' (failed)'}" for action in record["actions"]]
    short = {
        "host": record["host"],
        "incident": record["incident"],
        "outcome": record["outcome"],
        "message": record["message"],
        "root_causes": [{"id": cause["id"], "title": cause["title"]} for cause in record["root_causes"]],
        "done": done,
        "awaiting": found["awaiting"],
        "by_hand": found["by_hand"],
        "undo": found["undo"],
        "seconds": record["seconds"],
        "link": link,
    }
    return {"text": f"{title(record)}\n{body(record, link)}", **short}


def title(record: Record) -> str:
    """One line: the host and the outcome."""
    return f"{record['host']}: {record['outcome']}".translate(_HARMLESS)


def body(record: Record, link: str) -> str:
    """Lines: why, the cause, what was done, what waits, and where the report is."""
    done = ", ".join(
        f"{action['remedy']}{' (failed)' if not action['ok'] else ' (taken back)' if action['taken_back'] else ''}"
        for action in record["actions"]
    )
    lines = [
        record["message"],
        *(f"Cause: {cause['id']}: {cause['title']}" for cause in record["root_causes"]),
        *([f"Done: {done}"] if done else []),
        *(f"Waits for approval: {name}" for name in conclusion.awaiting(record)),
        *(f"Needs a person: {item['id']}" for item in record["awaiting"] if not item["approve_with"]),
        *([f"Report: {link}"] if link else []),
    ]
    return "\n".join(lines).translate(_HARMLESS)

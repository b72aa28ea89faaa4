"""What a failed task says of itself, whichever module it was."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.run import failure_words

SAID: dict[str, tuple[Any, str]] = {
    "a message": ({"failed": True, "msg": "no such account: www"}, "no such account: www"),
    "a command": (
        {"cmd": ["nginx", "-t"], "msg": "non-zero return code", "rc": 1, "stderr": "[emerg] no ssl", "stdout": ""},
        "nginx -t: non-zero return code: [emerg] no ssl",
    ),
    "a command that speaks on standard output": (
        {"cmd": "tool --x", "msg": "non-zero return code", "stderr": "", "stdout": "not today\n"},
        "tool --x: non-zero return code: not today",
    ),
    "a message that has it already": (
        {"msg": "Unable to start service x: Job failed", "stderr": "Job failed"},
        "Unable to start service x: Job failed",
    ),
    "a module that broke": (
        {"msg": "MODULE FAILURE: see stderr", "module_stderr": "Traceback\nMemoryError", "module_stdout": ""},
        "MODULE FAILURE: see stderr: Traceback\nMemoryError",
    ),
    "lines": ({"msg": "manage.py migrate failed", "output": ["a", "b"]}, "manage.py migrate failed: a\nb"),
    "a loop, of which the failed ones count": (
        {
            "msg": "One or more items failed",
            "results": [
                {"msg": "done"},
                {"failed": True, "msg": "not started"},
                {"failed": True, "msg": "not started"},
            ],
        },
        "not started",
    ),
    "the end of a long text": ({"msg": "x", "stderr": "a" * 999 + "why"}, "x: " + "a" * 597 + "why"),
    "nothing": ({}, "no message"),
    "no result": (None, "no message"),
    "a secret": ({"msg": "failed", "stderr": "postgres://u:hunter2@db"}, "failed: postgres://u:********@db"),
}


@pytest.mark.parametrize("what", SAID)
def test_the_words_of_a_failure(what: str) -> None:
    """Message and output, each once, what looks like a secret masked."""
    result, words = SAID[what]
    assert failure_words.of(result) == words

# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel asked what an account may do with files: one process with that account's credentials answers everything.

Access control lists, capabilities, namespaces and mounts count as they do for the app. Where this account may not
become the other one, what its access control list, owner and mode say is all there is.
"""

from __future__ import annotations

import inspect
import json
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl, script_access
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account

# Less than a pipe holds, so that who writes a block never waits for its answers to be read.
BLOCK_BYTES = 32_768
END_SECONDS = 2.0


class Question(NamedTuple):
    """A file by its absolute path and status, and what is to be done with it: READ, WRITE, ENTER of access.py."""

    path: str
    status: os.stat_result
    need: int


class KernelAccess:
    """Asks on behalf of one account. Its process starts at the first question, and ends with the `with` block."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._process: subprocess.Popen[bytes] | None = None
        self._lost = os.geteuid() != 0

    def __enter__(self) -> KernelAccess:
        return self

    def __exit__(self, *_raised: object) -> None:
        if not self._process:
            return
        try:
            self._process.communicate(timeout=END_SECONDS)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def denied(self, questions: Sequence[Question]) -> list[Question]:
        """Those of the questions whose files' owner, mode or access control list forbid it.

        A folder above that bars the way forbids nothing here, nor does a file system that is mounted read-only, nor a
        file that nobody may change: of these, each is its own finding or no fault at all. Nor is anything known of what
        the account sees another file in the place of.
        """
        if self.account.hidden:
            questions = [each for each in questions if not self._is_hidden(each.path)]
        found: list[Question] = []
        block: list[Question] = []
        size = 0
        for question in questions:
            block.append(question)
            size += len(os.fsencode(question.path)) + 32
            if size > BLOCK_BYTES:
                found += self._denied(block)
                block, size = [], 0
        return [*found, *self._denied(block)] if block else found

    def _is_hidden(self, path: str) -> bool:
        return any(place == "/" or path == place or path.startswith(place + "/") for place in self.account.hidden)

    def _denied(self, block: list[Question]) -> list[Question]:
        answers = b"" if self._lost else self._answers(block)
        if len(answers) == len(block):
            return [each for each, answer in zip(block, answers) if answer == script_access.DENIED[0]]
        # It could not take the account's place, or was ended: no half of it is believed.
        self._lost = True
        return [each for each in block if not _allowed(each, self.account)]

    def _answers(self, block: list[Question]) -> bytes:
        """A letter for each question; fewer where its process is gone."""
        data = b"".join(b"%d %d %s\0" % (each.need, each.status.st_ino, os.fsencode(each.path)) for each in block)
        try:
            self._process = self._process or self._start()
            to_it, from_it = self._process.stdin, self._process.stdout
            if to_it is None or from_it is None:
                return b""
            to_it.write(struct.pack("=I", len(data)) + data)
            to_it.flush()
            return from_it.read(len(block))
        except OSError:
            return b""

    def _start(self) -> subprocess.Popen[bytes]:
        # -I and -S: nothing but the standard library of root's own interpreter.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", inspect.getsource(script_access), json.dumps(self.account.facts())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
        )


def _allowed(question: Question, account: Account) -> bool:
    """What the file itself says, its access control list included, of an account that passes over no modes."""
    if account.capabilities:
        return True
    acl = posix_acl.read(question.path)
    return posix_acl.allows(question.status, acl, account.uid, account.groups, question.need)

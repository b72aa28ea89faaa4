#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give up a merge, rebase, cherry-pick or revert that was left half done, keeping what was worked on."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: abort_merge
short_description: Give up a merge, rebase, cherry-pick or revert that stopped at a conflict
version_added: 0.2.0
description:
  - Runs C(git merge --abort) or its like, as the owner of the checkout, only where git says that such an operation is
    in progress.
  - Keeps the tracked files as they are, conflict markers and half-made resolutions included, on a branch
    C(rescue502/conflict-COMMIT) first.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be given up.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
options:
  root:
    description: The app's folder, or any folder of the checkout.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: No merge is left half done
  rescue502.django.abort_merge:
    root: /srv/shop
  become: true
"""

RETURN = r"""
operation:
  description: What was in progress; empty where nothing was.
  returned: success
  type: str
kept_in:
  description: The branch that keeps the files as they were.
  returned: changed
  type: str
"""

import os
import pwd
import shlex
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as
from ansible_collections.rescue502.django.plugins.module_utils.services.git import ENVIRONMENT, TIMEOUT, WORDS

_AUTHOR = ["-c", "user.name=rescue502", "-c", "user.email=rescue502@localhost"]


class Checkout:
    """A git checkout, asked and changed as its owner."""

    def __init__(self, module: AnsibleModule, top: str) -> None:
        self.module = module
        self.top = top
        self.owner = pwd.getpwuid(os.stat(os.path.join(top, ".git")).st_uid)

    def git(self, *words: str, **more: str) -> str:
        """git's output; ends the module where git fails."""
        environment = {**ENVIRONMENT, "GIT_EDITOR": "true", **more}
        done = run_as(self.owner.pw_name, None, [*WORDS, *_AUTHOR, "-C", self.top, *words], environment, "/", TIMEOUT)
        if done.returncode:
            self.module.fail_json(msg=f"git {words[0]} failed: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def keep(self) -> str:
        """Put the tracked files as they are on a branch, without touching files, index or HEAD. The branch's name."""
        head = self.git("rev-parse", "--short=12", "HEAD")
        folder = tempfile.mkdtemp(prefix="rescue502-")
        os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        try:
            self.git("read-tree", "HEAD", **index)
            # What the merge brought in anew is known to the real index only.
            added = self.git("diff", "--name-only", "--diff-filter=A", "-z", "HEAD").split("\0")
            there = [name for name in added if name and os.path.lexists(os.path.join(self.top, name))]
            if there:
                self.git("add", "--force", "--", *there, **index)
            self.git("add", "--update", "--", ":/", **index)
            tree = self.git("write-tree", **index)
        finally:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
        commit = self.git("commit-tree", tree, "-p", "HEAD", "-m", "The conflict as it stood when it was given up")
        branch = f"rescue502/conflict-{head}"
        self.git("branch", "--force", branch, commit)
        return branch


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"root": {"type": "path", "required": True}}, supports_check_mode=True)
    top = code.checkout(module.params["root"])
    operation = code.operation(top) if top else ""
    if not operation:
        module.exit_json(changed=False, operation="")
    if module.check_mode:
        module.exit_json(changed=True, operation=operation)
    checkout = Checkout(module, top)
    branch = checkout.keep()
    commit = checkout.git("rev-parse", "--revs-only", f"{operation.upper().replace('-', '_')}_HEAD")
    undo_log.note_irreversible(
        f"the {operation} in {top} was given up; its files as they stood are on the branch {branch}",
        f"cd {shlex.quote(top)} && git {operation} {commit or '(as before)'}; git checkout {branch} -- .",
    )
    checkout.git(operation, "--abort")
    module.exit_json(changed=True, operation=operation, kept_in=branch)


if __name__ == "__main__":
    main()

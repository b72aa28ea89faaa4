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
extends_documentation_fragment: [rescue502.django.checkout, rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be given up.
    support: full
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
import shlex
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError, top_of

# In memory, and open to the checkout's owner: a run's own folder for temporary files is root's alone.
PLACE = "/dev/shm"
_AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "rescue502"), ("EMAIL", "rescue502@localhost"))
}


def git(checkout: Checkout, *words: str, **variables: str) -> str:
    """What git prints, run as its author. Raises GitError."""
    return checkout.git(*words, variables={**_AUTHOR, "GIT_EDITOR": "true", **variables})


def keep(checkout: Checkout) -> str:
    """Put the tracked files as they are on a branch, without touching files, index or HEAD. The branch's name."""
    head = git(checkout, "rev-parse", "--short=12", "HEAD")
    folder = tempfile.mkdtemp(prefix="rescue502-", dir=PLACE)
    os.chown(folder, checkout.owner.pw_uid, checkout.owner.pw_gid)
    index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
    try:
        git(checkout, "read-tree", "HEAD", **index)
        # What the merge brought in anew is known to the real index only.
        added = git(checkout, "diff", "--name-only", "--diff-filter=A", "-z", "HEAD").split("\0")
        there = [name for name in added if name and os.path.lexists(os.path.join(checkout.top, name))]
        if there:
            git(checkout, "add", "--force", "--", *there, **index)
        git(checkout, "add", "--update", "--", ":/", **index)
        tree = git(checkout, "write-tree", **index)
    finally:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    commit = git(checkout, "commit-tree", tree, "-p", "HEAD", "-m", "The conflict as it stood when it was given up")
    branch = f"rescue502/conflict-{head}"
    git(checkout, "branch", "--force", branch, commit)
    return branch


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"root": {"type": "path", "required": True}}, supports_check_mode=True)
    top = top_of(module.params["root"])
    operation = code.operation(top) if top else ""
    if not operation:
        module.exit_json(changed=False, operation="")
    try:
        checkout = Checkout(top)
        if why := checkout.objection_to_change():
            module.fail_json(msg=f"{why}. Nothing was changed.")
        if module.check_mode:
            module.exit_json(changed=True, operation=operation)
        branch = keep(checkout)
        commit = git(checkout, "rev-parse", "--revs-only", f"{operation.upper().replace('-', '_')}_HEAD")
        undo_log.note_irreversible(
            f"the {operation} in {top} was given up; its files as they stood are on the branch {branch}",
            f"cd {shlex.quote(top)} && git {operation} {commit or '(as before)'}; git checkout {branch} -- .",
        )
        git(checkout, operation, "--abort")
    except (GitError, OSError) as error:
        module.fail_json(msg=Redactor().text(str(error)))
    module.exit_json(changed=True, operation=operation, kept_in=branch)


if __name__ == "__main__":
    main()

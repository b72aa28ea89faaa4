#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a checkout to the newest commit of its branch, as its owner."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pull_code
short_description: Bring a checkout to the newest commit of its branch
version_added: 0.4.0
description:
  - Runs C(git pull --ff-only) as the owner of the checkout, with the owner's own configuration, keys and hooks.
  - Refuses a checkout whose owner is not clear, and one where others than root and the owner can write what git would
    obey, its configuration and hooks; of root's also one with tracked files in folders that others can write.
    C(ansible.builtin.git) is not used, because it takes the remote and the branch from the playbook instead of from the
    checkout.
extends_documentation_fragment: [rescue502.django.checkout]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says which commit is there, and pulls nothing.
    support: full
  diff_mode:
    description: Shows the commit before and after.
    support: full
options:
  timeout:
    description: How many seconds it may take.
    type: float
    default: 600
"""

EXAMPLES = r"""
- name: The newest commit is there
  rescue502.django.pull_code:
    root: /srv/shop
  become: true
"""

RETURN = r"""
before:
  description: The commit that the checkout was at; empty where git was not run.
  returned: always
  type: str
after:
  description: The commit that the checkout is at.
  returned: success
  type: str
"""

import os
import shlex

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services.git import Checkout, GitError, top_of

ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "timeout": {"type": "float", "default": 600},
}


def environment(checkout: Checkout) -> dict[str, str]:
    """The owner's own, so that git finds their keys; and what the playbook says of proxies and of git itself."""
    owner = checkout.owner
    given = {name: value for name, value in os.environ.items() if name.startswith("GIT_") or _is_proxy(name)}
    account = {"HOME": owner.pw_dir, "USER": owner.pw_name, "LOGNAME": owner.pw_name}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **account, **given}


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    root, timeout = module.params["root"], module.params["timeout"]
    top = top_of(root)
    if not top:
        module.fail_json(
            msg=f"{root} is in no git checkout, so there is nothing to pull. Nothing was changed.", before=""
        )
    before = ""
    try:
        checkout = Checkout(top)
        before = after = checkout.git("rev-parse", "HEAD")
        if not module.check_mode:
            if why := checkout.objection_to_change() or checkout.objection_to_own_configuration(environment(checkout)):
                raise GitError(f"{why}. Nothing was changed.")
            path, user = shlex.quote(checkout.top), shlex.quote(checkout.owner.pw_name)
            back = f"runuser -u {user} -- git -C {path} reset --keep {before}"
            undo_log.note_irreversible(f"new code was pulled into {checkout.top}", back)
            words = ["git", "-C", checkout.top, "pull", "--ff-only", "--quiet"]
            if checkout.owner.pw_uid == 0:
                # A submodule has a configuration of its own.
                words.append("--no-recurse-submodules")
            checkout.run(words, timeout, environment(checkout), "git pull")
            after = checkout.git("rev-parse", "HEAD")
    except (GitError, OSError) as error:
        module.fail_json(msg=Redactor().text(str(error)), before=before)
    diff = {"before": before + "\n", "after": after + "\n"}
    module.exit_json(changed=after != before, before=before, after=after, diff=diff)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a checkout back to the last commit whose code compiles, losing nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollback_code
short_description: Take a checkout back to the last commit whose Python code compiles
version_added: 0.1.0
description:
  - Goes to the given commit. Where none is given and HEAD does not compile, goes to the nearest place where HEAD was
    before, or to the nearest earlier commit, in which every Python file compiles. The code is compiled and never run.
  - Where O(unit) is given, the app is first tried from that commit, in a tree of its files; nothing is changed where it
    does not come up from there either. So an error that is no fault of the code costs no commit.
  - Refuses where tracked files were edited, because that would be lost.
  - Leaves a branch C(rescue502/before-COMMIT) where the checkout was.
extends_documentation_fragment: [rescue502.django.checkout]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says which commit it would go to.
    support: full
  diff_mode:
    description: Shows the commit before and after.
    support: full
options:
  commit:
    description: The commit to go to. Found unless given.
    type: str
    default: ''
  keep_branch:
    description: Whether to stay on the branch, by moving it, rather than to leave it for the bare commit.
    type: bool
    default: false
  unit:
    description: The app's systemd unit; with it the app must come up from the commit before the checkout goes there.
    type: str
    default: ''
  venv:
    description: The virtual environment whose Python compiles the code; the one that runs the module unless given.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The code is at the last commit that compiles
  rescue502.django.rollback_code:
    root: /srv/shop
  become: true
"""

RETURN = r"""
before:
  description: The commit that the checkout was at.
  returned: success
  type: str
after:
  description: The commit that the checkout is at.
  returned: success
  type: str
"""

import os
from itertools import islice

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import system_python, write_access
from ansible_collections.rescue502.django.plugins.module_utils.remedies import code_trial
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services.git import TIMEOUT, Checkout, GitError, top_of
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.system.systemd import SystemdError

CANDIDATES = 20
# Each takes some seconds.
TRIALS = 3
# Reads a tar archive of a commit from git and compiles its Python files, in memory.
_COMPILE = """
import subprocess, sys, tarfile
archive = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
with tarfile.open(fileobj=archive.stdout, mode="r|") as files:
    for member in files:
        if member.isfile() and member.name.endswith(".py"):
            compile(files.extractfile(member).read(), member.name, "exec", dont_inherit=True)
raise SystemExit(archive.wait())
"""
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "commit": {"type": "str", "default": ""},
    "keep_branch": {"type": "bool", "default": False},
    "unit": {"type": "str", "default": ""},
    "venv": {"type": "str", "default": ""},
}


class Code:
    """The code in a checkout, asked and moved as the checkout's owner."""

    def __init__(self, module: AnsibleModule, root: str) -> None:
        self.module = module
        top = top_of(root)
        if not top:
            module.fail_json(msg=f"{root} is in no git checkout. Nothing was changed.")
        try:
            self.checkout = Checkout(top)
        except (GitError, OSError) as error:
            module.fail_json(msg=f"{error}. Nothing was changed.")

    def ask(self, *words: str, must: bool = True) -> str:
        """git's output; ends the module where git fails and must is true."""
        try:
            return self.checkout.git(*words)
        except GitError as error:
            if must:
                self.module.fail_json(msg=Redactor().text(str(error)))
            return ""

    def compiles(self, commit: str, python: str) -> bool:
        """Whether every Python file of a commit compiles."""
        try:
            words = [python, "-I", "-c", _COMPILE, *self.checkout.command("archive", "--format=tar", commit)]
            self.checkout.run(words, TIMEOUT)
        except GitError:
            return False
        return True

    def objection(self, commit: str) -> str:
        """Why the app does not come up from a commit; empty where it does, or where its unit is not given."""
        given = self.module.params
        if not given["unit"] or self.module.check_mode:
            return ""
        try:
            stack = discover({name: given[name] for name in ("unit", "root", "venv")})
            return code_trial.objection(self.checkout, commit, stack)
        except (StackError, SystemdError, KeyError) as error:
            return f"it could not be tried: {error}"

    def last_good(self, python: str) -> str:
        """The nearest commit that compiles and comes up, HEAD itself where it compiles; ends the module without one."""
        sound = (commit for commit in self.candidates() if self.compiles(commit, python))
        head, why = self.ask("rev-parse", "HEAD"), ""
        for commit in islice(sound, TRIALS):
            why = self.objection(commit) if commit != head else ""
            if not why:
                return commit
        message = f"the app does not come up from one either: {why}" if why else "none was found"
        self.module.fail_json(msg=f"no earlier commit whose code compiles repairs it, {message}. Nothing was changed.")
        return ""

    def python(self, venv: str) -> str:
        """The interpreter that compiles: the virtual environment's, where it is not for others to say what that is."""
        path = os.path.join(venv, "bin", "python")
        own = venv and os.path.exists(path) and not write_access.first_open([venv], self.checkout.owner.pw_uid)
        return path if own else system_python.path()

    def require_own_files(self, target: str) -> None:
        """End the module where the checkout's files must not be changed to a commit's as its owner."""
        try:
            why = self.checkout.objection_to_change() or self.checkout.objection_to_filters(target)
        except GitError as error:
            why = str(error)
        if why:
            self.module.fail_json(msg=f"{why}. Nothing was changed.")

    def note(self, target: str, moved: bool) -> None:
        """Record where the checkout is, before it goes to `target`. moved: with its branch."""
        mark = self.mark()
        facts = {
            "before": self.ask("rev-parse", "HEAD"),
            "after": target,
            "branch": self.ask("symbolic-ref", "--short", "--quiet", "HEAD", must=False),
            "moved": moved,
            "mark": "" if self.ask("rev-parse", "--verify", "--quiet", f"refs/heads/{mark}", must=False) else mark,
        }
        undo_log.note({"kind": "commit", "checkout": self.checkout.top, **facts})

    def mark(self) -> str:
        """The branch that is left where the checkout was."""
        return "rescue502/before-" + self.ask("rev-parse", "--short=12", "HEAD")

    def candidates(self) -> list[str]:
        """HEAD itself, where it was before, the nearest first, and then the commits before it."""
        moves = self.ask("reflog", "show", "--format=%H", f"-{CANDIDATES}", "HEAD", must=False).split()
        history = self.ask("rev-list", "--first-parent", f"--max-count={CANDIDATES}", "HEAD").split()
        head = self.ask("rev-parse", "HEAD")
        return list(dict.fromkeys([head, *moves, *history]))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    code = Code(module, module.params["root"])
    python = code.python(module.params["venv"])
    before = code.ask("rev-parse", "--short=12", "HEAD")
    edited = code.ask("status", "--porcelain", "--untracked-files=no")
    if edited:
        module.fail_json(
            msg=f"tracked files were edited on the server, and going back would lose that: {edited[:300]}. "
            "Commit or stash them first. Nothing was changed."
        )
    wanted = module.params["commit"]
    if wanted:
        target = code.ask("rev-parse", "--verify", "--quiet", wanted + "^{commit}", must=False)
        if not target:
            module.fail_json(msg=f"there is no commit {wanted} in {code.checkout.top}. Nothing was changed.")
        if why := code.objection(target):
            module.fail_json(msg=f"the app does not come up from {target[:12]} either: {why}. Nothing was changed.")
    else:
        target = code.last_good(python)
    after = target[:12]
    if not module.check_mode and after != before:
        code.require_own_files(target)
        try:
            code.note(target, module.params["keep_branch"])
        except OSError as error:
            module.fail_json(msg=f"where the checkout is could not be recorded: {error}. Nothing was changed.")
        code.ask("branch", "--force", code.mark(), "HEAD")
        # Tracked files were found unedited above, so moving the branch loses nothing either.
        code.ask(
            *(["reset", "--hard", "--quiet"] if module.params["keep_branch"] else ["checkout", "--quiet", "--detach"]),
            target,
        )
    module.exit_json(
        changed=after != before,
        before=before,
        after=after,
        diff={"before": before + "\n", "after": after + "\n"},
    )


if __name__ == "__main__":
    main()

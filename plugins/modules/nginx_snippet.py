#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put one file where nginx includes it, and take it back if nginx does not take it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nginx_snippet
short_description: Put one file where nginx includes it
version_added: 0.1.0
description:
  - Tests nginx's whole configuration with a small file in it, in a copy of the file's folder that no other process
    sees, and writes the file where nginx takes that. Where it does not, the task fails with nginx's own words, and
    nothing is changed.
  - Where no such copy can be made, as in some containers, the file is written first, and taken back where the test
    fails.
  - Where the configuration is invalid already, nothing is written. nginx is not reloaded.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether the file would be written; it is not tested.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
options:
  path:
    description: The file, in a folder that nginx's configuration includes.
    type: path
    required: true
  content:
    description: What it holds.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The larger buffer is configured
  rescue502.django.nginx_snippet:
    path: /etc/nginx/conf.d/buffers.conf
    content: |
      proxy_buffer_size 16k;
  become: true
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
"""

import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_test

MODE = 0o644


def read(path: str) -> str | None:
    """The file's text; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path: str, text: str | None) -> None:
    """Put the text in place in one step, or remove the file where there is none."""
    if text is None:
        os.unlink(path)
        return
    atomic_write.replace(path, text.encode(), MODE)


def objection(folder: str, name: str, content: str) -> str:
    """What nginx says of the file in a copy of its folder; empty where it takes it, or cannot be asked so.

    Raises OSError.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = os.path.join(place, "folder")
        shutil.copytree(folder, copy, symlinks=True)
        write(os.path.join(copy, name), content)
        done = nginx_test.run(nginx_test.account(), "-t", "-q", seen=(copy, folder))
    said = (done.stderr or done.stdout).strip()
    return said if done.returncode and "[emerg]" in said else ""


def main() -> None:
    """Run the module."""
    arguments = {"path": {"type": "path", "required": True}, "content": {"type": "str", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    path, content = module.params["path"], module.params["content"]

    def complaint() -> str:
        done = nginx_test.run(nginx_test.account(), "-t", "-q")
        return (done.stderr or done.stdout).strip() if done.returncode else ""

    try:
        before = read(path)
        result = {"path": path, "changed": before != content, "diff": {"before": before or "", "after": content}}
        if module.check_mode or not result["changed"]:
            module.exit_json(**result)
        wrong = complaint()
        if wrong:
            module.fail_json(msg=f"nginx's configuration is invalid already: {wrong}. Nothing was changed.")
        folder, name = os.path.split(path)
        wrong = objection(safe_files.resolve(folder), name, content)
        if wrong:
            module.fail_json(msg=f"nginx would not take {path}: {wrong}. Nothing was changed.")
        undo_log.note_file(os.path.join(safe_files.resolve(folder), name), content.encode())
        write(path, content)
        wrong = complaint()
        if wrong:
            write(path, before)
            module.fail_json(msg=f"nginx does not take {path}: {wrong}. It was taken back.")
    except OSError as error:
        module.fail_json(msg=f"{path}: {error.strerror or error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()

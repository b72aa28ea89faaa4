# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of several lines in a task's result, as Ansible prints it."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleError


def text(lines: str) -> Any:
    """The text where results are printed as YAML, which keeps its lines; a list of them where they are JSON."""
    try:
        is_yaml = constants.config.get_config_value("result_format", None, "callback", "default") == "yaml"
    except AnsibleError:
        is_yaml = False
    return lines if is_yaml else lines.splitlines()

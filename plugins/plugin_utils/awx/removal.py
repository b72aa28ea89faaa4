# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects in AWX that bear our mark are removed, in the order opposite to that of making."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.rescue502.django.plugins.plugin_utils.awx import kinds
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import Object, title


def remove(api: Api, items: Sequence[Object]) -> tuple[list[str], list[str]]:
    """Remove what is ours of the described objects. (what was removed, what was left because it is not ours).

    With an object go what hangs on it: a template's schedules, survey and jobs, a workflow's nodes.
    """
    removed, left = [], []
    for item in reversed(items):
        for found in kinds.found(api.all, item):
            if kinds.is_ours(found):
                removed.append(f"removed the {title(item)}")
                api.send("DELETE", f"{item['kind']}/{found['id']}/")
            else:
                left.append(f"left the {title(item)}, which rescue502 has not made")
    return removed, left

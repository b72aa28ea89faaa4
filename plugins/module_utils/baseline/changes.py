# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes since the last good state: the first question that an engineer asks."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline, state
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

LIMIT = 50
Texts = dict[str, str]


def collect(stack: Stack) -> dict[str, Any]:
    """{since, taken, incident, commits, and each section}; `since` alone, and empty, where no good state is kept.

    A section is {count, list}, at most LIMIT of the list, each {name, how, before, after}: how is new, gone or changed;
    before and after are empty where there is nothing to show, as of a variable's value. commits is as code.between
    returns it; empty where HEAD has not moved.
    """
    last = baseline.last(stack.unit)
    if not last:
        return {"since": ""}
    before, now = last["state"], state.take(stack, baseline.key())
    moved = before.get("commit") and now["commit"] and before["commit"] != now["commit"]
    found: dict[str, Any] = {name: str(last.get(name, "")) for name in ("since", "taken", "incident")}
    found["commits"] = code.between(stack.root, str(before["commit"]), now["commit"]) if moved else {}
    found.update({name: compare(name, before[name], now[name]) for name in state.SECTIONS})
    return found


def compare(section: str, before: Texts, now: Texts) -> dict[str, Any]:
    """How one section of the state differs from what it was: {count, list}, from texts by name."""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if section == "modes":
        # A walk takes in the first files only, and files come and go: it is owners and modes that are compared.
        names = [name for name in names if name in before and name in now]
    shown = _SHOWN.get(section, lambda text: "")
    return {"count": len(names), "list": [_change(name, before, now, shown) for name in names[:LIMIT]]}


def _change(name: str, before: Texts, now: Texts, shown: Callable[[str], str]) -> Texts:
    how = "changed" if name in before and name in now else "new" if name in now else "gone"
    return {"name": name, "how": how, "before": shown(before.get(name, "")), "after": shown(now.get(name, ""))}


def _owners(text: str) -> str:
    """`33:33 0644` with names instead of numbers, as far as they are known."""
    try:
        ids, mode = text.split(" ")
        uid, gid = map(int, ids.split(":"))
    except ValueError:
        return text
    return f"{accounts.user_name(uid)}:{accounts.group_name(gid)} {mode}"


_SHOWN: dict[str, Callable[[str], str]] = {"packages": str, "modes": _owners}

# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A failure mode explained to people, as Markdown: for `rescue502 explain` and for the pages in docs/. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue, FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.remedies import Remedy, role_name
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import explains

RISKS = {
    "safe": "repaired unasked where the site is down, and where approved by name on a site that answers",
    "ask": "repaired where approved by name",
    "never": "a person decides; nothing is changed",
}
SEVERITIES = {
    "outage": "the site is down, or an important part of it",
    "degraded": "the site answers, and something in it does not work",
    "advice": "nothing is down now",
}
UNDO = {
    "nothing": "There is nothing to take back.",
    "exact": "`rescue502 undo` takes it back.",
    "until_used": "`rescue502 undo` takes it back until the app uses it.",
    "partly": "`rescue502 undo` takes back what nothing would make anew.",
    "irreversible": "It cannot be taken back; `rescue502 undo` prints what a person can do.",
}
LIVE, REHEARSAL, LOG = "live facts", "the rehearsal", "the log of this invocation"
# What a piece of evidence rests on, by the beginning of its name; what is not listed is looked up live.
_RESTS_ON = (
    (
        REHEARSAL,
        ("app", "rehearsal", "trials", "database.text", "database.error", "database.answered", "database.hung"),
    ),
    (LOG, ("log", "proxy.errors", "edge.recent_errors")),
)
# How another failure mode or a role is named: as a link on a page, plainly on a terminal.
Link = Callable[[str], str]


def plainly(name: str) -> str:
    """A name as code, without a link."""
    return f"`{name}`"


def markdown(
    mode: FailureMode,
    catalogue: Catalogue,
    remedies: Mapping[str, Remedy],
    link: Link = plainly,
    role_link: Link = plainly,
) -> str:
    """All that is known of one failure mode."""
    parts = [
        f"# {mode.id}: {mode.title}",
        mode.means,
        _facts(mode),
        "## How it is recognised",
        *_recognised(mode),
        "## What repairs it",
        *_repairing(mode, remedies, role_link),
        "## By hand",
        f"What stands in `<>` is filled in on the host.\n\n{_block('shell', without_placeholders(mode.by_hand))}",
        *_explanations(mode, catalogue, link),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _facts(mode: FailureMode) -> str:
    rows = [
        f"- The edge shows: {mode.edge}",
        f"- Risk: *{mode.risk}*, {RISKS[mode.risk]}{_on_this_host(mode)}",
        f"- Severity: *{mode.severity}*, {SEVERITIES[mode.severity]}",
    ]
    return "\n".join(rows)


def _on_this_host(mode: FailureMode) -> str:
    safe = " and ".join(f"`{condition}`" for condition in mode.safe_when)
    possible = " and ".join(f"`{condition}`" for condition in mode.repair_when)
    safely = f"; *safe*, {RISKS['safe']}, where {safe}" if safe else ""
    return safely + (f"; *never*, {RISKS['never']}, unless {possible}" if possible else "")


def _recognised(mode: FailureMode) -> Iterable[str]:
    yield f"By {_listed(rests_on(mode))}. All of this holds:"
    yield _block("jinja", "\n".join(" ".join(condition.split()) for condition in mode.when))
    if mode.symptom:
        yield "It is a symptom: it is reported, and never called the cause."


def rests_on(mode: FailureMode) -> list[str]:
    """Those of live facts, the rehearsal and the log that the conditions look at, in this order."""
    names = {name for condition in mode.when for name in expressions.names(condition)}
    found = {_source(name) for name in names}
    return [source for source in (LIVE, REHEARSAL, LOG) if source in found]


def _source(name: str) -> str:
    for source, beginnings in _RESTS_ON:
        if any(name == beginning or name.startswith(beginning + ".") for beginning in beginnings):
            return source
    return LIVE


def _repairing(mode: FailureMode, remedies: Mapping[str, Remedy], role_link: Link) -> Iterable[str]:
    if not mode.remedy:
        yield "What repairs the cause below it." if mode.symptom else "Nothing is done by itself: a person decides."
        return
    steps = [_step(name, remedies, role_link) for name in (mode.remedy, *mode.then)]
    yield "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)) if len(steps) > 1 else steps[0]
    named = [remedies[name] for name in (mode.remedy, *mode.then) if name in remedies]
    known = [remedy for remedy in named if remedy.risk]
    if known:
        yield "What it touches, and how that is taken back:\n\n" + "\n".join(
            f"- `{remedy.name}`: {remedy.touches} {UNDO[remedy.undo]}" for remedy in known
        )
        yield "What it risks:\n\n" + "\n".join(f"- `{remedy.name}`: {remedy.risk}" for remedy in known)
        yield "What it needs root for:\n\n" + "\n".join(f"- `{remedy.name}`: {remedy.root}" for remedy in known)
    if mode.risk == "ask":
        yield "It waits for approval. For one run:"
        yield _block("shell", "\n".join(approve_lines(mode.id)))


def as_code(text: str) -> str:
    """Ansible's C(markup) as Markdown's."""
    return re.sub(r"C\(([^)]*)\)", r"`\1`", text)


def _step(name: str, remedies: Mapping[str, Remedy], role_link: Link) -> str:
    known = remedies.get(name)
    if known is None or not known.short:
        return f"The role `{role_name(name)}`, which is not ours."
    return f"{role_link(name)}: {known.short}. {as_code(known.does)}"


def approve_lines(name: str) -> tuple[str, str]:
    """How a failure mode is approved for one run, on the command line and in a play."""
    return (
        f"rescue502 recover --approve {name}",
        "ansible-playbook recover.yml -e '{" + f'"rescue502_approve": ["{name}"]' + "}'",
    )


def _explanations(mode: FailureMode, catalogue: Catalogue, link: Link) -> Iterable[str]:
    others = catalogue.modes.values()
    causes = [other.id for other in others if explains(other, mode)]
    effects = [other.id for other in others if explains(mode, other)]
    if causes:
        yield "## What explains it"
        yield f"Where this is found too, it is not the cause: {_named(causes, mode.explained_by, link)}."
    if effects:
        yield "## What it explains"
        yield f"{', '.join(link(effect) for effect in effects)}."


def _named(causes: list[str], patterns: tuple[str, ...], link: Link) -> str:
    """Causes one by one; those that only a pattern over several layers takes in, by the pattern."""
    wide = [pattern for pattern in patterns if pattern.startswith("*")]
    if wide:
        return f"whatever breaks the site (`{'`, `'.join(wide)}`)"
    return ", ".join(link(cause) for cause in causes)


def without_placeholders(template: str) -> str:
    """A template for people: `{{ stack.unit | default('x') }}` reads `<stack.unit>`."""
    # A line that holds nothing else leaves none behind, as when it is rendered.
    silent = r"\{#.*?#\}|\{%-?\s*(?:if|for|endif|endfor|set)\b.*?%\}"
    text = re.sub(rf"(?m)^[ ]*(?:{silent})\n|{silent}", "", template, flags=re.S)
    text = re.sub(r"\{%-?\s*(?:else|elif)\b.*?%\}", " or ", text, flags=re.S)
    return re.sub(r"\{\{-?\s*(.*?)\s*-?\}\}", lambda found: _placeholder(found.group(1)), text, flags=re.S)


def _placeholder(expression: str) -> str:
    """The piece of evidence that an expression begins with, in angle brackets."""
    name = re.match(r"\(?([\w.\[\]]+)", expression)
    return f"<{name.group(1)}>" if name else "<...>"


def _block(language: str, text: str) -> str:
    """A fenced code block, with a fence that the text does not hold."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

"""Whatever a host sends: the diagnosis ends, nothing of it is run, and no terminal, browser or ticket obeys it."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.run import settings as host_settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.decision import decide
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import judge
from harmless import CANARY, check_clean
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools import recordings

CATALOGUE = load()
USER_SETTINGS = host_settings.read({"inventory_hostname": "host"}, None)
RECORDED = {name: recordings.evidence(name) for name in recordings.names()}
ACTIVE = [
    "{{ 7919 * 7927 }}",
    f"{{{{ lookup('ansible.builtin.pipe', 'touch {CANARY}') }}}}",
    f"{{{{ cycler.__init__.__globals__.os.popen('touch {CANARY}').read() }}}}",
    f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}{{% include '{CANARY}' %}}",
    "{% for x in range(10**9) %}{% for y in range(10**9) %}{% endfor %}{% endfor %}",
    f"$(touch {CANARY}) `touch {CANARY}`; touch {CANARY}",
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    "{0.__class__} %(x)s %n",
]
ESCAPES = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "\x9b31m\x90data\x9c",
    "a\x00b\rc\x08\x7f",
    "\u202etxt.exe\u2066\u200b\u2028\u061c",
    "\ud800 half \udfff",
]
MARKUP = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)></pre></details><!--",
    "[click](javascript:alert(1)) ![x](http://203.0.113.1/x) | a | b\n# heading\n```\n",
]
LONG = ["x" * 200_000, "-" * 5000 + "\n" * 5000, "(" * 4000, 'database "' * 1000]
NUMBERS = [0, -1, 10**40, -(10**5000), 10**5000, float("nan"), float("inf"), -float("inf"), 1e308, 2**63]


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


SHAPES = [None, True, False, "", [], {}, [None], [[]], [{}], {"": {}}, {"failed": "no answer"}, nested(500), [1] * 5000]
values = st.sampled_from([*ACTIVE, *ESCAPES, *MARKUP, *LONG, *NUMBERS, *SHAPES]) | st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(ACTIVE + MARKUP),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(ACTIVE), inner, max_size=4),
    max_leaves=12,
)
# The same examples each time, so that a pass stays one; the machine may be busy meanwhile, so slow is no failure.
thorough = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
    max_examples=60,
    derandomize=True,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each path into nested dicts and lists."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


PLACES = {name: sorted(places(evidence), key=str) for name, evidence in RECORDED.items()}


def container(evidence: Any, path: tuple[Any, ...]) -> Any:
    """What holds the end of a path; None where an earlier change took it away."""
    for key in path[:-1]:
        try:
            evidence = evidence[key]
        except (KeyError, IndexError, TypeError):
            return None
    return evidence


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A recording with some values, anywhere in it, replaced by what they should never be."""
    name = draw(st.sampled_from(sorted(RECORDED)))
    evidence = copy.deepcopy(RECORDED[name])
    for path in draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=6)):
        holder = container(evidence, path)
        if isinstance(holder, dict) or (isinstance(holder, list) and path[-1] in range(len(holder))):
            holder[path[-1]] = draw(values)
    return name, evidence


@st.composite
def incomplete(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A recording with sections missing, failed or empty, and with keys missing within others."""
    name = draw(st.sampled_from(sorted(RECORDED)))
    evidence = copy.deepcopy(RECORDED[name])
    for section in draw(st.lists(st.sampled_from(sorted(evidence)), max_size=4, unique=True)):
        evidence[section] = draw(st.sampled_from([None, {"failed": "no answer within 10 s"}, {}, [], "text", 3]))
    for path in draw(st.lists(st.sampled_from(PLACES[name]), max_size=6)):
        holder = container(evidence, path)
        if isinstance(holder, dict):
            holder.pop(path[-1], None)
    return name, evidence


def whole_run(evidence: Any) -> list[str]:
    """Diagnosis, plan, record and reports, as the action plugins do it; all texts that come out of it.

    The recorded evidence gives the same findings again.
    """
    found = diagnose(evidence, CATALOGUE)
    with tempfile.TemporaryDirectory() as folder:
        record = Incident(Path(folder), "id", "host", "recover")
        decided = decide(found, sorted(CATALOGUE.approvable()), USER_SETTINGS, record)
        record.act("restart", ["service/failed"], True, False, str(found.evidence)[:2000])
        record.conclude(*judge(record.data, check_mode=False))
        again = diagnose(json.loads(record.path.read_text(encoding="utf-8"))["evidence"], CATALOGUE)
        files = [path.read_text(encoding="utf-8") for path in Path(folder).rglob("host.*")]
    assert [finding.public() for finding in again.findings] == [finding.public() for finding in found.findings]
    return [json.dumps(decided, allow_nan=False), report.render_text(record.data), *files]


@thorough
@given(damaged())
def test_wrong_values_are_survived(case: tuple[str, dict[str, Any]]) -> None:
    """Wrong types and hostile text anywhere in the evidence of any failure mode."""
    check_clean(whole_run(case[1]))


@thorough
@given(st.dictionaries(st.sampled_from(sorted(RECORDED["healthy"])) | st.text(), values, max_size=8) | values)
def test_any_evidence_is_survived(evidence: Any) -> None:
    """Evidence that has nothing to do with a host at all."""
    check_clean(whole_run(evidence))


@thorough
@given(incomplete())
def test_what_is_missing_names_nothing_new(case: tuple[str, dict[str, Any]]) -> None:
    """With less to go by, less may be found, and never anything else.

    A cause that is no longer seen no longer explains: what it explained may then stand alone. That is the one way in
    which a root cause can be new.
    """
    name, evidence = case
    before = {finding.id for finding in diagnose(RECORDED[name], CATALOGUE).findings}
    after = {finding.id for finding in diagnose(evidence, CATALOGUE).findings}
    assert after <= before


def test_ten_megabytes_in_one_line_are_survived() -> None:
    """In every place that the log section has."""
    evidence = copy.deepcopy(RECORDED["service/worker-boot-failed"])
    evidence["log"]["lines"] = evidence["log"]["errors"] = ["Worker failed to boot " + "x" * 10_000_000] * 3
    check_clean(whole_run(evidence))


def test_lists_in_lists_give_the_same_sentence_again() -> None:
    """What is cut off for its depth is cut off at the same depth in the record."""
    evidence = copy.deepcopy(RECORDED["code/conflict-markers"])
    evidence["code"]["git"]["unmerged"] = [nested(500)]
    check_clean(whole_run(evidence))


@pytest.mark.parametrize("text", ACTIVE + ESCAPES + MARKUP + LONG, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize(
    "name", ["code/syntax-error", "database/no-connection", "service/port-taken", "proxy/config-invalid"]
)
def test_hostile_text_in_every_place(name: str, text: str) -> None:
    """All strings of the evidence together, so that it reaches every sentence that is made of them."""

    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(item) for key, item in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return value + text[:20_000] if isinstance(value, str) else value

    poisoned = whole_run(poison(RECORDED[name]))
    # What is left of it when it is cleaned has reached what was written.
    assert all(word in "".join(poisoned) for word in re.findall(r"\w+", printable(text[:50]))[:3])
    check_clean(poisoned)
    kept = copy.deepcopy(RECORDED[name])
    if "rehearsal" in kept:
        for step in kept["rehearsal"]["steps"].values():
            step.update(error={**step["error"], "message": text} if step.get("error") else None)
    check_clean(whole_run(kept))

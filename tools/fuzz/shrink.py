"""Make a failing trial plain: the choices of its host are made plain one by one as long as it fails the same checks."""

from __future__ import annotations

from lab.generator.choices import PLAIN, parse
from tools.fuzz.trial import Result, Trial


def shrunk(name: str, failing: Result) -> Result:
    """The plainest host found on which the same faults fail so, and what came out there. name: for its hosts."""
    seed, best = failing.seed, failing
    for choice in parse(seed).unlike_plain():
        if choice in ("number", "name"):
            continue
        tried = f"{seed},{choice}={getattr(PLAIN, choice)}"
        if parse(tried) == parse(seed):
            continue
        result = again(name, tried, failing)
        if set(result.failed) & set(failing.failed):
            seed, best = tried, result
    return best


def again(name: str, seed: str, failing: Result) -> Result:
    """The same operators on another host; parameters that name the host's own files are drawn anew."""
    # A path of the first host says nothing on the next one.
    faults = {
        operator: {} if any("/" in value for value in values.values()) else values
        for operator, values in failing.faults.items()
    }
    return Trial(name, seed, faults or None).run()

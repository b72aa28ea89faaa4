"""Recordings with one thing different, and what the diagnosis makes of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose

from tools import recordings

CATALOGUE = load()
Evidence = dict[str, Any]
Change = Callable[[Evidence], Any]


def found(name: str, *changes: Change) -> Diagnosis:
    """The diagnosis of a recording, after these changes."""
    evidence = copy.deepcopy(recordings.evidence(name))
    for change in changes:
        change(evidence)
    return diagnose(evidence, CATALOGUE)


def causes(name: str, *changes: Change) -> list[str]:
    """The root causes of that diagnosis."""
    return [cause.id for cause in found(name, *changes).root_causes]

"""Build hook: the wheel carries the collection, an editable install leaves it to the checkout.

hatchling's `force-include` would copy the files into an editable install too, where they would go stale.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COLLECTION = "ansible_collections/rescue502/django"
PARTS = ("plugins", "roles", "playbooks", "failures", "meta", "extensions/eda", "galaxy.yml", "recover.yml")


class CollectionHook(BuildHookInterface):
    """Adds the collection's parts to a standard wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: `standard` or `editable`; build_data: what hatchling is going to build from."""
        if version == "standard":
            build_data["force_include"].update({part: f"{COLLECTION}/{part}" for part in PARTS})

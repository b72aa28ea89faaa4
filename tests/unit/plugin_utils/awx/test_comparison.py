"""What AWX has is compared with what it should have: what only AWX adds is no difference."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.awx import comparison, kinds
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import ObjectError

OF_AWX = {
    "name": "x", "forks": 0, "description": "", "credential": None, "extra_vars": '{"b": [1], "a": 2}',
    "notification_configuration": {"token": "$encrypted$", "channels": ["#a"], "hex_color": ""},
    "messages": {"started": None, "error": {"message": "m", "body": None}},
}  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "x", "forks": 0},
        {"description": None, "credential": ""},
        {"extra_vars": {"a": 2, "b": [1]}},
        {"extra_vars": "---\na: 2\nb: [1]\n"},
        {"notification_configuration": {"token": "a secret that cannot be compared", "channels": ["#a"]}},
        {"messages": {"error": {"message": "m"}}},
    ],
)
def test_the_same(wanted: dict[str, Any]) -> None:
    assert comparison.differing(wanted, OF_AWX) == {}


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "y"},
        {"forks": 20},
        {"new_field": True},
        {"extra_vars": {"a": 2}},
        {"extra_vars": {}},
        {"notification_configuration": {"token": "x", "channels": ["#a", "#b"]}},
        {"messages": {"error": {"message": "other"}}},
        {"messages": {"success": {"message": "m"}}},
    ],
)
def test_another(wanted: dict[str, Any]) -> None:
    """Variables are ours alone: one that is gone is a difference too."""
    assert comparison.differing(wanted, OF_AWX) == wanted


def test_no_variables() -> None:
    """As AWX has them where nobody gave any."""
    assert comparison.differing({"extra_vars": {}}, {"extra_vars": "---"}) == {}


def test_text_of_a_template_gets_its_type() -> None:
    """Before ansible-core 2.19 a template makes text of numbers."""
    described = {"forks": {"type": "integer"}, "enabled": {"type": "boolean"}, "limit": {"type": "string"}}
    assert comparison.typed({"forks": "20", "enabled": "False", "limit": "5"}, described) == {
        "forks": 20, "enabled": False, "limit": "5",
    }  # fmt: skip
    with pytest.raises(ValueError, match="many"):
        comparison.typed({"forks": "many"}, described)


def test_the_mark_is_in_each_description() -> None:
    item = {"kind": "teams", "name": "x", "wanted": True, "roles": []}
    assert kinds.fields(item) == {"name": "x", "description": kinds.MARK}
    assert kinds.is_ours(kinds.fields({**item, "description": "Mine."}))
    assert not kinds.is_ours({"description": None})


@pytest.mark.parametrize("item", [{"kind": "teams"}, {"name": "x"}, {"kind": "users", "name": "x"}])
def test_an_object_that_is_none(item: dict[str, Any]) -> None:
    with pytest.raises(ObjectError, match="has a name, and a kind that is one of"):
        kinds.kind_of(item)


def test_what_a_field_names() -> None:
    """A name alone, or one of a kind where several are possible."""
    assert kinds.reference("projects", "x") == ("projects", "x")
    assert kinds.reference("job_templates", {"projects": "x"}) == ("projects", "x")
    with pytest.raises(ObjectError, match="'users' is not one of"):
        kinds.reference("job_templates", {"users": "x"})

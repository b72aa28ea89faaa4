"""Fields of AWX's objects that can be set, as OPTIONS of its lists describe them (24.6): type, and whether required."""

from __future__ import annotations

_TEXT, _NUMBER, _YES_NO, _ID, _DATA = (
    ("string", False),
    ("integer", False),
    ("boolean", False),
    ("id", False),
    ("json", False),
)
_NAME = {"name": ("string", True), "description": _TEXT}
_OF_ORGANIZATION = {**_NAME, "organization": ("id", True)}

FIELDS: dict[str, dict[str, tuple[str, bool]]] = {
    "organizations": {**_NAME},
    "credentials": {**_NAME, "organization": _ID},
    "execution_environments": {
        **_NAME, "organization": _ID, "image": ("string", True), "credential": _ID, "pull": ("choice", False),
    },
    "projects": {
        **_OF_ORGANIZATION, "scm_type": ("choice", False), "scm_url": _TEXT, "scm_branch": _TEXT, "credential": _ID,
        "scm_update_on_launch": _YES_NO, "scm_update_cache_timeout": _NUMBER, "allow_override": _YES_NO,
    },
    "inventories": {**_OF_ORGANIZATION, "kind": ("choice", False), "variables": _DATA},
    "inventory_sources": {
        **_NAME, "inventory": ("id", True), "source": ("choice", True), "source_project": _ID, "source_path": _TEXT,
        "source_vars": _DATA, "overwrite": _YES_NO, "overwrite_vars": _YES_NO, "update_on_launch": _YES_NO,
        "update_cache_timeout": _NUMBER, "execution_environment": _ID,
    },
    "notification_templates": {
        **_OF_ORGANIZATION, "notification_type": ("choice", True), "notification_configuration": _DATA,
        "messages": _DATA,
    },
    "job_templates": {
        **_NAME, "job_type": ("choice", False), "project": ("id", True), "inventory": _ID, "playbook": ("string", True),
        "execution_environment": _ID, "forks": _NUMBER, "job_slice_count": _NUMBER, "limit": _TEXT,
        "extra_vars": _DATA, "ask_limit_on_launch": _YES_NO, "ask_variables_on_launch": _YES_NO,
        "survey_enabled": _YES_NO, "allow_simultaneous": _YES_NO, "verbosity": _NUMBER,
    },
    "workflow_job_templates": {
        **_OF_ORGANIZATION, "inventory": _ID, "limit": _TEXT, "extra_vars": _DATA, "ask_limit_on_launch": _YES_NO,
        "allow_simultaneous": _YES_NO, "survey_enabled": _YES_NO,
    },
    "workflow_job_template_nodes": {
        "identifier": _TEXT, "workflow_job_template": ("id", True), "unified_job_template": _ID, "extra_data": _DATA,
    },
    "workflow_approval_templates": {**_NAME, "timeout": _NUMBER},
    "schedules": {
        **_NAME, "unified_job_template": ("id", True), "rrule": ("string", True), "enabled": _YES_NO,
        "extra_data": _DATA,
    },
    "teams": {**_OF_ORGANIZATION},
}  # fmt: skip
DEFAULTS = {"integer": 0, "boolean": False, "id": None, "json": {}}
TYPES = {kind: kind.removesuffix("s") for kind in FIELDS} | {"inventories": "inventory"}
_TEMPLATES = ("job_templates", "projects", "inventory_sources", "workflow_job_templates", "workflow_approval_templates")
# Which kinds a field's id may be of.
REFERENCES = {
    "organization": ("organizations",),
    "project": ("projects",),
    "source_project": ("projects",),
    "inventory": ("inventories",),
    "execution_environment": ("execution_environments",),
    "credential": ("credentials",),
    "workflow_job_template": ("workflow_job_templates",),
    "unified_job_template": _TEMPLATES,
}
UNIQUE_WITHIN = {
    "inventory_sources": "inventory", "schedules": "unified_job_template", "workflow_job_template_nodes": "identifier",
}  # fmt: skip
ROLES = {
    "job_templates": ("admin_role", "execute_role", "read_role"),
    "workflow_job_templates": ("admin_role", "execute_role", "approval_role", "read_role"),
}
# What goes with an object that is removed: the kind, and the field that names it.
CASCADES = {
    "job_templates": [("schedules", "unified_job_template")],
    "projects": [("schedules", "unified_job_template")],
    "workflow_job_templates": [("workflow_job_template_nodes", "workflow_job_template")],
}

"""What Airflow has to know of this provider. Imports nothing: every component of Airflow reads it at its start."""

_PACKAGE = "airflow_provider_stageline"
_NAME = "Stageline"


def get_provider_info() -> dict[str, object]:
    """The description that Airflow's `provider_info.schema.json` defines."""
    return {
        "package-name": "airflow-provider-stageline",
        "name": _NAME,
        "description": "ML tracking, models and a gated registry in your own bucket or folder.",
        "integrations": [{"integration-name": _NAME, "tags": ["software"]}],
        "hooks": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.hooks"]}],
        "operators": [{"integration-name": _NAME, "python-modules": _OPERATORS}],
        "sensors": [{"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.sensors"]}],
        "triggers": [
            {
                "integration-name": _NAME,
                "python-modules": [f"{_PACKAGE}.triggers", f"{_PACKAGE}.project_trigger"],
            }
        ],
        "asset-uris": [
            {
                "schemes": ["stageline"],
                "handler": f"{_PACKAGE}.assets.sanitize_uri",
                "to_openlineage_converter": f"{_PACKAGE}.assets.to_openlineage",
            }
        ],
        "connection-types": [_CONNECTION_TYPE],
        "task-decorators": [
            {"name": "stageline", "class-name": f"{_PACKAGE}.decorators.stageline_task"},
            {"name": "stage_gate", "class-name": f"{_PACKAGE}.operators.gates.stage_gate_task"},
        ],
        "extra-links": [f"{_PACKAGE}.links.RunLink", f"{_PACKAGE}.links.ModelVersionLink"],
        "plugins": [
            {"name": "stageline", "plugin-class": f"{_PACKAGE}.plugin.StagelinePlugin"},
        ],
        "config": {"stageline": {"description": "Tracking of tasks.", "options": _OPTIONS}},
    }


_OPERATORS = [
    f"{_PACKAGE}.operators.{name}"
    for name in (
        "approval",
        "evaluating",
        "gates",
        "projects",
        "requests",
        "scoring",
        "stages",
        "steps",
        "versions",
    )
]

_CONNECTION_TYPE = {
    "connection-type": "stageline",
    "hook-class-name": f"{_PACKAGE}.hooks.StagelineHook",
    "hook-name": _NAME,
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "port"],
        "relabeling": {
            "host": "Store",
            "login": "Access key or account",
            "password": "Secret key",
        },
        "placeholders": {"host": "s3://bucket/prefix, or /path/of/a/folder"},
    },
    "conn-fields": {
        "storage_conn_id": {
            "label": "Storage connection",
            "description": "Id of an aws, google_cloud_platform or wasb connection, "
            "whose credentials open the store",
            "schema": {"type": ["string", "null"]},
        },
        "ui_url": {
            "label": "UI address",
            "description": "Where `stageline ui` is reached, for links",
            "schema": {"type": ["string", "null"], "format": "uri"},
        },
        "experiment": {
            "label": "Experiment",
            "description": "Of tasks whose tracking names none",
            "schema": {"type": ["string", "null"]},
        },
    },
}

_OPTIONS = {
    "track_all": {
        "description": "Whether every task of every operator is recorded as a run, with no change to any DAG.",
        "version_added": "0.1.0",
        "type": "boolean",
        "example": "True",
        "default": "False",
    },
    "end_dag_runs": {
        "description": "Whether the scheduler ends the run of a DAG run when the DAG run ends. Needs the "
        "connection where the scheduler runs.",
        "version_added": "0.1.0",
        "type": "boolean",
        "example": None,
        "default": "True",
    },
    "name": {
        "description": "Tells this Airflow's DAG runs from those of others that record in the same store.",
        "version_added": "0.1.0",
        "type": "string",
        "example": "production",
        "default": "",
    },
    "pages": {
        "description": "Whether Airflow shows Stageline's pages: tabs of DAG runs and tasks, and models in the "
        "navigation. Needs the extra `ui` where the API server runs.",
        "version_added": "0.1.0",
        "type": "boolean",
        "example": "False",
        "default": "True",
    },
    "conn_id": {
        "description": "The connection of tasks that name none, and of the pages.",
        "version_added": "0.1.0",
        "type": "string",
        "example": None,
        "default": "stageline_default",
    },
}

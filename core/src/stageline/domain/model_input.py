"""A model that a run loaded, as one of the run's inputs: recorded, merged and indexed as a dataset is.

MLflow keeps such inputs apart, as `model_inputs` with an id of its server. Here the model's URI is the name, so one
search by name finds all runs that loaded it.
"""

from __future__ import annotations

from stageline.domain.run import DatasetInput, DatasetRef

MODEL_SOURCE_TYPE = "stageline_model"
"""What `DatasetRef.source_type` says of a model."""
_CONTEXT = {"mlflow.data.context": "model"}


def model_input(uri: str, digest: str) -> DatasetInput:
    """The input that says that a run loaded a model.

    Args:
        uri: `models:/<name>/<version>` with a number, or `runs:/<run_id>/<path>`: names that will mean the same model
            for ever, as a stage or an alias does not.
        digest: Tells the model from others, such as the `model_uuid` of its MLmodel file; at most 36 characters.

    >>> loaded_model(model_input("models:/wine/3", "d1"))
    'models:/wine/3'
    """
    ref = DatasetRef(name=uri, digest=digest, source_type=MODEL_SOURCE_TYPE, source=uri)
    return DatasetInput(ref, dict(_CONTEXT))


def loaded_model(given: DatasetInput) -> str | None:
    """The URI of the model, if that is what the input is."""
    return given.dataset.name if given.dataset.source_type == MODEL_SOURCE_TYPE else None

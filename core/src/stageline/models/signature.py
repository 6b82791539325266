"""A model's signature: what it takes, what it gives, and which params it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stageline.errors import Corrupt
from stageline.models.enforce import enforce_schema
from stageline.models.enforce_params import enforce_params
from stageline.models.infer import infer_params, infer_schema
from stageline.models.schema import (
    Param,
    Schema,
    params_from_json,
    params_to_json,
    schema_from_json,
    schema_to_json,
    show,
)


class ModelSignature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and gives. A part that is None is not known, and not enforced."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: tuple[Param, ...] | None = None

    def __str__(self) -> str:
        shown = {
            "inputs": show(self.inputs) if self.inputs else None,
            "outputs": show(self.outputs) if self.outputs else None,
            "params": f"[{', '.join(map(str, self.params))}]" if self.params else None,
        }
        return ", ".join(f"{part}: {text}" for part, text in shown.items() if text)

    def enforce(self, data: Any) -> Any:
        """The data in the form that the model was made for; see `enforce_schema`. Raises `InvalidInput`."""
        return data if self.inputs is None else enforce_schema(data, self.inputs)

    def enforce_params(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """The value of every param that the model knows. Raises `InvalidInput`."""
        return enforce_params(params, self.params)

    def to_dict(self) -> dict[str, str | None]:
        """As it stands in an MLmodel file: JSON texts."""
        return {
            "inputs": schema_to_json(self.inputs) if self.inputs else None,
            "outputs": schema_to_json(self.outputs) if self.outputs else None,
            "params": params_to_json(self.params) if self.params else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ModelSignature:
        """From an MLmodel file. Raises `Corrupt`."""
        wrong = {
            part: text
            for part, text in raw.items()
            if text is not None and not isinstance(text, str)
        }
        if wrong:
            raise Corrupt(
                f"the parts of a signature should be JSON texts, but {sorted(wrong)} are not"
            )
        return cls(
            inputs=schema_from_json(raw["inputs"], "inputs") if raw.get("inputs") else None,
            outputs=schema_from_json(raw["outputs"], "outputs") if raw.get("outputs") else None,
            params=params_from_json(raw["params"]) if raw.get("params") else None,
        )


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of a model from examples of what it takes and gives, and the defaults of its params.

    >>> print(infer_signature({"x": [1.0, 2.0]}, params={"top": 3}))
    inputs: ['x': Array(double) (required)], params: ['top': long (default: 3)]

    Raises:
        InvalidInput: an example is of a kind that no schema describes.
    """
    return ModelSignature(
        inputs=None if model_input is None else infer_schema(model_input),
        outputs=None if model_output is None else infer_schema(model_output),
        params=infer_params(params) if params else None,
    )

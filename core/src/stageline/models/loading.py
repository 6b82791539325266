"""A model out of its folder: checked first, then read by its flavor, then wrapped so that all predict alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stageline.errors import InvalidInput
from stageline.models.example import read_example
from stageline.models.flavor import FALLBACK, get_flavor, known_flavors
from stageline.models.folder import read_model_folder
from stageline.models.mlmodel import PYTHON_FUNCTION, MLmodel
from stageline.models.signature import ModelSignature
from stageline.models.trust import NO_TRUST, Trust

_log = logging.getLogger("stageline")


class LoadedModel:
    """A model, whatever made it: `predict(data, params)`, with the signature enforced."""

    def __init__(self, native: Any, flavor: str, metadata: MLmodel, folder: Path) -> None:
        self.native = native
        """The framework's own object."""
        self.flavor = flavor
        """The name of the flavor that loaded it."""
        self.metadata = metadata
        """The MLmodel file."""
        self._folder = folder
        function = metadata.flavor(PYTHON_FUNCTION)
        self._predict = None if function is None else get_flavor(flavor).predictor(native, function)

    @property
    def signature(self) -> ModelSignature | None:
        """What it takes and gives, if that was recorded."""
        return self.metadata.signature

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predictions for `data`.

        Raises:
            InvalidInput: the data or the params do not fit the signature, or the model has no way to predict.
        """
        if self._predict is None:
            raise InvalidInput(
                f"this {self.flavor} model was saved without a way to predict (a {type(self.native).__name__}): use "
                "its `native` object"
            )
        signature = self.signature or _UNKNOWN
        return self._predict(signature.enforce(data), signature.enforce_params(params))

    def input_example(self) -> tuple[Any, dict[str, Any] | None] | None:
        """The example of its input, and of its params, that was saved with it; None if none was."""
        info = self.metadata.saved_input_example_info
        return None if info is None else read_example(self._folder, info)

    def __repr__(self) -> str:
        return f"LoadedModel(flavor={self.flavor!r}, model_uuid={self.metadata.model_uuid!r})"


_UNKNOWN = ModelSignature()


def load_folder(
    folder: str | Path, *, flavor: str | None = None, trust: Trust = NO_TRUST
) -> LoadedModel:
    """Load the model in a folder on this disk, after every file was checked.

    Args:
        folder: Where it is.
        flavor: Which of its flavors; by default the one by which it predicts.
        trust: What it may do while it is loaded.

    Raises:
        NotFound: there is no model.
        NotAllowed: a file is a link, or the model takes more trust than is given; nothing of it was run.
        Corrupt: a file is not what was saved.
        InvalidInput: its framework is not installed.
    """
    place = Path(folder)
    metadata = read_model_folder(place)
    name = flavor or choose_flavor(metadata)
    configuration = metadata.flavor(name) or (
        metadata.flavor(PYTHON_FUNCTION) if name == FALLBACK else None
    )
    if configuration is None:
        raise InvalidInput(
            f"the model {place} has no flavor {name!r}; it has {', '.join(sorted(metadata.flavors))}"
        )
    from stageline.models.flavors.pyfunc import put_code_first  # late: few models bring code

    if configuration.get("code"):
        put_code_first(place, configuration, trust)
    native = get_flavor(name).load(place, configuration, trust)
    return LoadedModel(native, name, metadata, place)


def choose_flavor(metadata: MLmodel) -> str:
    """The flavor that loads a model: that of its function, else the first that is installed."""
    function = metadata.flavor(PYTHON_FUNCTION) or {}
    preferred = str(function.get("loader_module", "")).rpartition(".")[2]
    names = [name for name in metadata.flavors if name in known_flavors()]
    if preferred in names:
        return preferred
    if function and not names:
        return FALLBACK
    if not names:
        raise InvalidInput(
            f"none of the model's flavors ({', '.join(sorted(metadata.flavors))}) is installed; there are "
            f"{', '.join(sorted(known_flavors()))}"
        )
    return names[0]

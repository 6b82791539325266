"""Models of runs: logged as ordinary artifacts, registered if asked to, loaded by URI."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stageline.domain.artifact_paths import check_artifact_path
from stageline.models.fetching import ModelFinder, RunFiles
from stageline.models.loading import LoadedModel, load_folder
from stageline.models.mlmodel import MLmodel, parse_mlmodel
from stageline.models.saving import Details, save_model
from stageline.models.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stageline.models.signature import ModelSignature
    from stageline.models.uri import LoggedSource, Place, RunModel, VersionSource
    from stageline.storage.options import StorageOptions


class Registry(Protocol):
    """What a registry does for models."""

    def register(self, name: str, *, run_id: str, artifact_path: str) -> Any:
        """A new version of the registered model, which is made if need be; has `version`."""
        ...

    def resolve(self, uri: str) -> tuple[str, str] | str:
        """See `VersionSource`."""
        ...


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was logged."""

    model_uri: str
    """`runs:/<run_id>/<path>`, by which it is loaded."""
    run_id: str
    artifact_path: str
    metadata: MLmodel
    """Its MLmodel file."""
    registered_model_version: int | None = None

    @property
    def signature(self) -> ModelSignature | None:
        """What it takes and gives."""
        return self.metadata.signature

    @property
    def flavors(self) -> dict[str, dict[str, Any]]:
        """The flavors that load it."""
        return self.metadata.flavors

    @property
    def model_uuid(self) -> str | None:
        """Unlike that of any other model."""
        return self.metadata.model_uuid


class Models:
    """The models of a workspace. Sends nothing until it is asked for something."""

    def __init__(
        self,
        run_files: Callable[[str], RunFiles],
        registry: Callable[[], Registry],
        *,
        allow_pickle: bool = False,
        storage_options: StorageOptions | None = None,
        logged: Callable[[], LoggedSource] | None = None,
    ) -> None:
        self._run_files = run_files
        self._registry = registry
        self._allow_pickle = allow_pickle
        versions: Callable[[], VersionSource] = registry
        self._finder = ModelFinder(run_files, versions, storage_options or {}, logged)

    def log(
        self,
        run_id: str,
        model: Any,
        name: str = "model",
        *,
        flavor: str | None = None,
        signature: ModelSignature | None = None,
        input_example: Any = None,
        registered_model_name: str | None = None,
        pip_requirements: Sequence[str] | str | Path | None = None,
        extra_pip_requirements: Sequence[str] | None = None,
        code_paths: Sequence[str | Path] = (),
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ModelInfo:
        """Save a model and store its folder among a run's artifacts.

        Args:
            run_id: The run.
            model: The framework's own object, an object with `predict`, or a function.
            name: The folder among the run's artifacts.
            flavor: Which adapter saves it; by default that of the package that its class comes from.
            signature: What it takes and gives; inferred from `input_example` if there is one.
            input_example: A frame, an array, a dict or list; or a pair of that and the params.
            registered_model_name: Register it under that name too.
            pip_requirements: What it takes to load it, instead of what this process imported for it.
            extra_pip_requirements: More of that.
            code_paths: Python code that the model needs and no package has.
            metadata: What else its MLmodel file should say.
            options: The flavor's own, such as `serialization="cloudpickle"`.

        Raises:
            InvalidInput: the model can not be saved that way, or the name is no path; nothing was stored.
            StorageFailed: the store is away, and there is no spool to keep the files in.
        """
        path = check_artifact_path(name)
        details = Details(
            signature=signature,
            input_example=input_example,
            pip_requirements=pip_requirements,
            extra_pip_requirements=extra_pip_requirements,
            code_paths=code_paths,
            metadata=metadata or {},
        )
        with tempfile.TemporaryDirectory(prefix="stageline-model-") as made:
            folder = Path(made) / "model"
            saved = save_model(
                model, folder, flavor, details=details, run_id=run_id, artifact_path=path, **options
            )
            self._run_files(run_id).log_folder(folder, path)
        version = None
        if registered_model_name:
            registered = self._registry().register(
                registered_model_name, run_id=run_id, artifact_path=path
            )
            version = int(registered.version)
        return ModelInfo(
            model_uri=f"runs:/{run_id}/{path}",
            run_id=run_id,
            artifact_path=path,
            metadata=saved,
            registered_model_version=version,
        )

    def load(
        self,
        uri: str | Path,
        *,
        flavor: str | None = None,
        allow_pickle: bool | None = None,
        trusted_types: Sequence[str] = (),
        dst_path: str | Path | None = None,
    ) -> LoadedModel:
        """Load a model; every file is checked before anything of it is read by a framework.

        Args:
            uri: A path, any URL that fsspec knows, `runs:/<run_id>/<path>`, `models:/<name>/<version or stage>`,
                `models:/<name>/latest`, `models:/<name>@<alias>` or `models:/m-<id>` for a logged model.
            flavor: Which of its flavors; by default the one by which it predicts.
            allow_pickle: Whether code of the model's author may run; the setting `allow_pickle` if not given.
            trusted_types: Types that it may be made of, besides those that are known to be harmless.
            dst_path: Where to keep the files; by default they go when the process exits.

        Raises:
            NotFound: there is no such model.
            NotAllowed: it is a pickle, brings code, or is made of unknown types; says what to allow.
            Corrupt: a file is not what was saved.
            InvalidInput: the URI is malformed, or the model's framework is not installed.
        """
        allowed = self._allow_pickle if allow_pickle is None else allow_pickle
        trust = Trust(allow_pickle=allowed, trusted_types=tuple(trusted_types))
        return load_folder(self.fetch(uri, dst_path), flavor=flavor, trust=trust)

    def fetch(self, uri: str | Path, dst: str | Path | None = None) -> Path:
        """The model's folder on this disk, checked; see `ModelFinder.fetch`."""
        return self._finder.fetch(str(uri), dst)

    def locate(self, uri: str | Path) -> RunModel | Place:
        """The run and path, or the place, that a URI stands for now. Raises `InvalidInput`, `NotFound`."""
        return self._finder.locate(str(uri))

    def read_mlmodel(self, uri: str | Path) -> bytes:
        """A model's MLmodel file as it is stored. Raises `NotFound`."""
        return self._finder.read_mlmodel(str(uri))

    def describe(self, uri: str | Path) -> MLmodel:
        """What a model says of itself, without fetching the rest of it. Raises `NotFound`."""
        return parse_mlmodel(self._finder.read_mlmodel(str(uri)), f"the MLmodel file of {uri}")

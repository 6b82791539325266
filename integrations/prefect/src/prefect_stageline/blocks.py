"""`StagelineStore`: a store with its credentials, as a block that Prefect keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, HttpUrl, field_validator

from prefect_stageline.stores import OWN_TYPE, load_block
from stageline import Workspace, set_experiment, set_store
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = "https://stageline.example"
"""The project has no public address: this name is reserved for examples (RFC 2606), and nobody can own it."""


class StagelineStore(Block):
    """A Stageline store: where it is, and the credentials that open it.

    Credentials that the store refuses, because they have expired, are looked up in the saved block again.

    Example:
        Load a store, record into it, and ask its registry:
        ```python
        from prefect_stageline import StagelineStore, Tracking, tracked_flow

        store = StagelineStore.load("BLOCK_NAME")

        @tracked_flow(tracking=Tracking(store=store))
        def train(): ...

        print(store.get_workspace().registry.versions("wine"))
        ```
    """

    _block_type_name: ClassVar[str] = "Stageline Store"
    _block_type_slug: ClassVar[str] = OWN_TYPE
    _logo_url: ClassVar[HttpUrl] = HttpUrl(f"{HOME}/logo.png")
    _documentation_url: ClassVar[HttpUrl] = HttpUrl(f"{HOME}/prefect/#the-block")

    url: str = Field(
        title="URL",
        description="A folder, or any URL that fsspec knows, such as s3://bucket/prefix; without credentials.",
        examples=["s3://bucket/ml"],
    )
    storage_options: SecretDict = Field(
        default_factory=lambda: SecretDict({}),
        title="Storage options",
        description="Options of the URL's fsspec backend, such as key, secret and client_kwargs.",
    )
    experiment: str | None = Field(
        default=None,
        description="Experiment of runs that name none, where the process has chosen none.",
    )
    ui_url: str | None = Field(
        default=None,
        title="UI URL",
        description="Address of Stageline's pages for this store, for links from Prefect.",
    )

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, url: str) -> str:
        # It would be shown wherever the URL is.
        if "://" in url and urlsplit(url).password:
            raise ValueError("should hold no password: give it in storage_options")
        return url

    def __hash__(self) -> int:
        # Equal ones are one store, so that a process opens it once.
        return hash((type(self), self._block_document_name, self.url))

    def __call__(self) -> Workspace:
        """As `get_workspace`: so that the block itself is what `Tracking(store=...)` takes."""
        return self.get_workspace()

    def get_workspace(self) -> Workspace:
        """The store, opened, with credentials that are renewed from the saved block. Sends no request."""
        return Workspace.open(self.url, **self._settings())

    def use(self) -> None:
        """Make it the store of this process, and its experiment, if it has one, that of new runs.

        Raises:
            StorageFailed: the store did not answer when the experiment was looked for.
        """
        set_store(self.url, **self._settings())
        if self.experiment is not None:
            set_experiment(self.experiment)

    def _settings(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {"ui_url": self.ui_url} if self.ui_url else {}
        if self._block_document_name is not None or self.storage_options.get_secret_value():
            wanted["storage_options"] = self._options_now
        return wanted

    def _options_now(self) -> Mapping[str, Any]:
        """The options of the block as it is saved now; of one that never was, its own."""
        name = self._block_document_name
        block: Block = (
            self if name is None or self._is_anonymous else load_block(f"{OWN_TYPE}/{name}")
        )
        if not isinstance(block, StagelineStore):
            raise InvalidInput(
                f"the block {OWN_TYPE}/{name} is no StagelineStore any more: save it as one"
            )
        options: dict[str, Any] = block.storage_options.get_secret_value()
        return options

"""What the caller allows a model to do while it is loaded: run code that it brings, or make objects of named types."""

from __future__ import annotations

import msgspec

from stageline.errors import NotAllowed


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever loads a model trusts it with."""

    allow_pickle: bool = False
    """Whether a pickle, or code beside the model, may run: as good as giving the model's author a shell."""
    trusted_types: tuple[str, ...] = ()
    """Types that may be made besides those that are known to be harmless, such as `mypackage.MyTransformer`."""

    def require_code(self, what: str, instead: str) -> None:
        """Refuse to go on unless code of the model's author may run. Raises `NotAllowed`.

        Args:
            what: What would run it, such as "model.pkl is a pickle".
            instead: How the model could have been saved without it.
        """
        if self.allow_pickle:
            return
        raise NotAllowed(
            f"{what}: loading it runs whatever code its author, or whoever could write to its place, put into it. If "
            "you trust them, pass allow_pickle=True or set STAGELINE_ALLOW_PICKLE=1. "
            f"{instead}"
        )


NO_TRUST = Trust()

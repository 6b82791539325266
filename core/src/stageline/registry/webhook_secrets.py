"""Webhooks' secrets, sealed with keys that the store does not have (docs/design/005)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import Corrupt, InvalidInput, NotAllowed

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

NEW_KEY = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


class SecretBox:
    """Seals with the first of `keys` (Fernet keys, separated by commas) and opens with any of them."""

    def __init__(self, keys: str) -> None:
        self._keys = [key.strip() for key in keys.split(",") if key.strip()]

    def __repr__(self) -> str:
        return f"SecretBox({len(self._keys)} keys)"

    def seal(self, webhook_id: str, secret: str) -> str:
        """The secret as it may lie in the store; bound to its webhook, so that no other can be given it.

        Raises:
            InvalidInput: there is no key, or one that is none.
        """
        if not self._keys:
            raise InvalidInput(
                "a webhook's secret is kept encrypted, and there is no key: set STAGELINE_WEBHOOK_KEYS to one made "
                f"by {NEW_KEY}, here and wherever webhooks are delivered; or create the webhook without a secret"
            )
        return self._cipher().encrypt(f"{webhook_id}\n{secret}".encode()).decode()

    def open(self, webhook_id: str, sealed: str) -> str:
        """The secret; empty if nothing was sealed.

        Raises:
            NotAllowed: it was sealed with a key that is not here.
            Corrupt: it was sealed for another webhook.
        """
        if not sealed:
            return ""
        if not self._keys:
            raise NotAllowed(
                "the webhook's secret is encrypted, and STAGELINE_WEBHOOK_KEYS is not set here: set it as it was where "
                "the webhook was created"
            )
        from cryptography.fernet import InvalidToken

        try:
            text = self._cipher().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise NotAllowed(
                "the webhook's secret was encrypted with a key that is not in STAGELINE_WEBHOOK_KEYS: add it, or give "
                "the webhook its secret anew"
            ) from None
        owner, _, secret = text.partition("\n")
        if owner != webhook_id:
            raise Corrupt(
                "the webhook's secret was encrypted for another webhook: give it its secret anew"
            )
        return secret

    def _cipher(self) -> MultiFernet:
        try:
            # Late: it loads OpenSSL, and few processes have to do with webhooks.
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError as error:
            raise InvalidInput(
                "webhooks with a secret need cryptography: pip install 'stageline[webhooks]'"
            ) from error
        try:
            return MultiFernet([Fernet(key) for key in self._keys])
        except ValueError:
            # Neither the key nor the library's view of it is shown.
            raise InvalidInput(
                f"STAGELINE_WEBHOOK_KEYS holds something that is no key: make one by {NEW_KEY}"
            ) from None

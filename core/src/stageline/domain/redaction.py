"""What of the arguments, errors and tags of a task or a project may leave the process: secrets become `***`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

MASK = "***"

SecretTexts = Callable[[Any], "Iterable[str] | None"]
"""The secret texts in an object of the orchestrator's, such as a stored credential; None if it is no such object."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    {
        *(
            "password",
            "passwd",
            "passphrase",
            "passcode",
            "pwd",
            "secret",
            "secrets",
            "token",
            "tokens",
        ),
        *(
            "credential",
            "credentials",
            "apikey",
            "accesskey",
            "privatekey",
            "auth",
            "authorization",
        ),
        *("bearer", "jwt", "cookie", "cookies", "dsn", "sas"),
    }
)
# `key` alone is every other argument's name.
_KEY_OWNERS = frozenset(
    {
        "api",
        "access",
        "private",
        "account",
        "signing",
        "encryption",
        "ssh",
        "storage",
        "service",
        "master",
        "shared",
    }
)
# In machine learning these are counted more often than kept secret.
_COUNTED = frozenset({"token", "tokens"})

_NAME = r"[\w-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|" \
    r"private[_-]?key|credential|signature|authorization)s?"  # fmt: skip
_IN_TEXT = (
    # scheme://user:password@host
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]+@", re.I), rf"\1{MASK}@"),
    # Signed URLs: the signature, and what identifies the key that signed.
    (re.compile(rf"([?&](?:{_NAME}|sig|key|awsaccesskeyid|googleaccessid|code)=)[^&#\s'\"]+", re.I), rf"\1{MASK}"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.I), rf"\1 {MASK}"),
    # password=..., "token": "..."
    (
        re.compile(
            rf"(\b{_NAME}['\"]?\s*[=:]\s*['\"]?)(?!{re.escape(MASK)}|Bearer|Basic)"
            r"[^\s,;&'\"(){}\[\]]+",
            re.I,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.S), MASK),
)  # fmt: skip
_COMPOUND = re.compile(r"[\s=:]")
"""Each of the patterns above needs one of these characters; a task's tags are mostly single words."""
_KEY_BY_ITS_LOOKS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bsk-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}"
)
_SHORTEST_KEY = len("xoxb-") + 10
"""Characters, of the shortest of these."""
# Shorter ones would blank out half of every message.
_SHORTEST_SECRET = 4


class Redactor:
    """Knows the secrets among one call's arguments, and takes them out of everything that is recorded of it."""

    def __init__(
        self, patterns: Iterable[str] = (), secret_texts: SecretTexts | None = None
    ) -> None:
        self._patterns = [re.compile(pattern, re.I) for pattern in patterns]
        self._secret_texts = secret_texts
        self._known: set[str] = set()

    def learn(self, values: Mapping[str, Any]) -> None:
        """Find the secrets among named values, at any depth, so that `text` will know them."""
        for name, value in values.items():
            self._learn(value, is_secret=self.is_secret_name(name, value), depth=0)

    def teach(self, other: Redactor) -> None:
        """Let `other` know the secrets that were learnt here."""
        other._known |= self._known

    def is_secret_name(self, name: str, value: Any = None) -> bool:
        """Whether a value of that name is a secret.

        >>> [Redactor().is_secret_name(name) for name in ("db_password", "apiKey", "tokenizer", "key")]
        [True, True, False, False]
        >>> Redactor().is_secret_name("max_tokens", 512)
        False
        """
        if self._patterns and any(pattern.search(name) for pattern in self._patterns):
            return True
        hits, is_owned_key = _secret_words(name)
        if hits and not (hits <= _COUNTED and isinstance(value, (bool, int, float))):
            return True
        return is_owned_key

    def is_secret(self, value: Any) -> bool:
        """Whether an object is a secret by what it is."""
        return self._texts_of(value) is not None

    def text(self, text: str) -> str:
        """`text` without the secrets that were learnt and those that can be told by their looks.

        >>> Redactor().text("cannot reach https://me:hunter2@host/a?X-Amz-Signature=abc&x=1")
        'cannot reach https://***@host/a?X-Amz-Signature=***&x=1'
        """
        if self._known:
            for secret in sorted(self._known, key=len, reverse=True):
                text = text.replace(secret, MASK)
        if _COMPOUND.search(text):
            for pattern, replacement in _IN_TEXT:
                text = pattern.sub(replacement, text)
        return text if len(text) < _SHORTEST_KEY else _KEY_BY_ITS_LOOKS.sub(MASK, text)

    def tags(self, tags: Mapping[str, Any]) -> dict[str, Any]:
        """Tags without secrets."""
        if not self._patterns and all(map(_is_harmless_name, tags)):
            # Most have none, and to look through all of them at once costs as much as through one.
            together = "\0".join([value for value in tags.values() if isinstance(value, str)])
            if self.text(together) == together:
                return dict(tags)
        return {
            key: MASK
            if self.is_secret_name(key, value)
            else self.text(value)
            if isinstance(value, str)
            else value
            for key, value in tags.items()
        }

    def _texts_of(self, value: Any) -> Iterable[str] | None:
        # pydantic's SecretStr and its kin; by duck typing, since pydantic need not be there.
        reveal = getattr(type(value), "get_secret_value", None)
        if reveal is not None:
            return _strings(reveal(value))
        return None if self._secret_texts is None else self._secret_texts(value)

    def _learn(self, value: Any, *, is_secret: bool, depth: int) -> None:
        if not is_secret and type(value) in PLAIN:
            return
        texts = _strings(value) if is_secret else self._texts_of(value)
        if texts is not None:
            self._known.update(text for text in texts if len(text) >= _SHORTEST_SECRET)
        elif depth < MAX_DEPTH:
            for name, part in parts_of(value):
                self._learn(part, is_secret=self.is_secret_name(name, part), depth=depth + 1)


@lru_cache(maxsize=4096)
def _secret_words(name: str) -> tuple[frozenset[str], bool]:
    """The words in a name that speak of secrets, and whether it names somebody's key."""
    words = [word.lower() for word in _WORDS.findall(name)]
    is_owned_key = any(
        one in _KEY_OWNERS and two in ("key", "keys") for one, two in pairwise(words)
    )
    return _SECRET_WORDS.intersection(words), is_owned_key


@lru_cache(maxsize=4096)
def _is_harmless_name(name: str) -> bool:
    hits, is_owned_key = _secret_words(name)
    return not hits and not is_owned_key


PLAIN = frozenset({type(None), bool, int, float})
"""Types of values that have no parts and are no secret by what they are. Text may be one that an orchestrator knows."""
MAX_DEPTH = 6
"""How deep into nested arguments secrets are looked for, and shown."""
_MANY = 1000


def is_long(value: Any) -> bool:
    """Whether a container has more parts than are looked at."""
    return isinstance(value, (Mapping, list, tuple, set, frozenset)) and len(value) > _MANY


def parts_of(value: Any) -> list[tuple[str, Any]]:
    """The named parts of a container or of an object with declared fields; those of a list have empty names."""
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in list(value.items())[:_MANY]]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [("", part) for part in list(value)[:_MANY]]
    declared = getattr(type(value), "__dataclass_fields__", None) or getattr(
        type(value), "model_fields", None
    )
    if isinstance(declared, Mapping):
        return [(name, getattr(value, name, None)) for name in declared]
    return []


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bytes, bytearray)):
        return [value.decode(errors="replace")]
    inner = getattr(type(value), "get_secret_value", None)
    if inner is not None:
        return _strings(inner(value))
    if isinstance(value, (bool, type(None))):
        return []
    if isinstance(value, (int, float)):
        return [str(value)]
    return [text for _, part in parts_of(value) for text in _strings(part)]

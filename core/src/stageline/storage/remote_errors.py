"""What the exceptions of fsspec's many backends mean: one reading of all of them, importing none."""

from __future__ import annotations

import errno
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(Enum):
    """What a failed request says."""

    ABSENT = "there is no such object"
    TAKEN = "the object exists already"
    DENIED = "the credentials were refused"
    PASSING = "the store is busy or the connection broke: worth asking again"
    NO_BUCKET = "the bucket itself does not exist"
    OTHER = "something else"


_BY_CODE = {
    "NoSuchBucket": Kind.NO_BUCKET,
    "ContainerNotFound": Kind.NO_BUCKET,
    "PreconditionFailed": Kind.TAKEN,
    "ConditionalRequestConflict": Kind.TAKEN,
    "BlobAlreadyExists": Kind.TAKEN,
    "UnauthorizedBlobOverwrite": Kind.TAKEN,
    "NoSuchKey": Kind.ABSENT,
    "AccessDenied": Kind.DENIED,
    "ExpiredToken": Kind.DENIED,
    "ExpiredTokenException": Kind.DENIED,
    "TokenRefreshRequired": Kind.DENIED,
    "InvalidAccessKeyId": Kind.DENIED,
    "InvalidToken": Kind.DENIED,
    "SignatureDoesNotMatch": Kind.DENIED,
    "RequestTimeTooSkewed": Kind.DENIED,
    "AuthorizationHeaderMalformed": Kind.DENIED,
    "SlowDown": Kind.PASSING,
    "Throttling": Kind.PASSING,
    "RequestTimeout": Kind.PASSING,
    "InternalError": Kind.PASSING,
    "ServiceUnavailable": Kind.PASSING,
    "OperationAborted": Kind.PASSING,
}
_BY_STATUS = {
    401: Kind.DENIED, 403: Kind.DENIED, 404: Kind.ABSENT, 409: Kind.TAKEN, 412: Kind.TAKEN,
    408: Kind.PASSING, 425: Kind.PASSING, 429: Kind.PASSING,
}  # fmt: skip
# Backends' own classes, by name, so that none has to be imported.
_BY_NAME = {
    "NoCredentialsError": Kind.DENIED,
    "PartialCredentialsError": Kind.DENIED,
    "TokenRetrievalError": Kind.DENIED,
    "UnauthorizedSSOTokenError": Kind.DENIED,
    "SSOTokenLoadError": Kind.DENIED,
    "CredentialRetrievalError": Kind.DENIED,
    "DefaultCredentialsError": Kind.DENIED,
    "RefreshError": Kind.DENIED,
    "ClientAuthenticationError": Kind.DENIED,
    "AuthenticationException": Kind.DENIED,
    "ResourceExistsError": Kind.TAKEN,
    "ResourceNotFoundError": Kind.ABSENT,
    "HTTPClientError": Kind.PASSING,
    "EndpointConnectionError": Kind.PASSING,
    "ConnectTimeoutError": Kind.PASSING,
    "ReadTimeoutError": Kind.PASSING,
    "ConnectionClosedError": Kind.PASSING,
    "ResponseStreamingError": Kind.PASSING,
    "IncompleteReadError": Kind.PASSING,
    "ClientPayloadError": Kind.PASSING,
    "ClientConnectionError": Kind.PASSING,
    "ServerDisconnectedError": Kind.PASSING,
    "ServiceRequestError": Kind.PASSING,
    "ServiceResponseError": Kind.PASSING,
    "FSTimeoutError": Kind.PASSING,
    "SSHException": Kind.PASSING,
}
_PASSING_ERRNO = frozenset(
    {errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, errno.EPIPE}
    | {getattr(errno, "EREMOTEIO", errno.EBUSY)}
)


def kind_of(error: BaseException) -> Kind:
    """What `error` says, by the first of its causes that says anything exact.

    The backend's translation can be too coarse: s3fs turns "the object exists" into `FileExistsError` or a
    plain `OSError(EINVAL)`, depending on how wordy the server's answer was. The cause tells.
    """
    chain = list(_chain(error))
    for read in (_by_code, _by_status, _by_class):
        for link in chain:
            kind = read(link)
            if kind is not None:
                return kind
    return Kind.OTHER


def is_silence(error: BaseException) -> bool:
    """Whether nobody answered, rather than that the store was in trouble and said so."""
    is_told = any(_by_code(link) or _by_status(link) for link in _chain(error))
    return kind_of(error) is Kind.PASSING and not is_told


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _by_code(error: BaseException) -> Kind | None:
    response = getattr(error, "response", None)  # botocore: a dict
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return _BY_CODE.get(str(code or getattr(error, "error_code", "")))


def _by_status(error: BaseException) -> Kind | None:
    response = getattr(error, "response", None)
    status = None
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for name in ("status_code", "status", "code"):  # azure, aiohttp, gcsfs
        status = status or getattr(error, name, None)
    if not isinstance(status, int) or status < 400:
        return None
    return Kind.PASSING if status >= 500 else _BY_STATUS.get(status)


def _by_class(error: BaseException) -> Kind | None:
    for cls in type(error).__mro__:
        if cls.__name__ in _BY_NAME:
            return _BY_NAME[cls.__name__]
    if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)):
        return Kind.ABSENT
    if isinstance(error, FileExistsError):
        return Kind.TAKEN
    if isinstance(error, PermissionError):
        return Kind.DENIED
    if isinstance(error, (TimeoutError, ConnectionError)):
        return Kind.PASSING
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNO:
        return Kind.PASSING
    return None

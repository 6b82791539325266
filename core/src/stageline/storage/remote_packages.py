"""Whether a URL can be opened here: which package its protocol needs, and since which version it creates once."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

from stageline.errors import InvalidInput

_PACKAGES = {
    "s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"), "abfs": ("adlfs", "azure"), "abfss": ("adlfs", "azure"),
}  # fmt: skip
# Before it, these three take the condition for an unknown option, drop it, and overwrite.
_EXCLUSIVE_SINCE = (2024, 12)


def check_package(url: str) -> None:
    """Raises `InvalidInput` if nothing that is installed opens the URL, or only what would overwrite."""
    protocol = url.partition("::")[0].partition("://")[0]
    package, extra = _PACKAGES.get(protocol, ("", ""))
    if package:
        if find_spec(package) is None:
            raise InvalidInput(
                f"{protocol}:// needs the package {package}: pip install 'stageline[{extra}]'"
            )
        found = version(package)
        if tuple(int(part) for part in found.split(".")[:2]) < _EXCLUSIVE_SINCE:
            raise InvalidInput(
                f"{package} {found} overwrites where it should create; at least "
                f"{'.'.join(map(str, _EXCLUSIVE_SINCE))} is needed: pip install -U 'stageline[{extra}]'"
            )
        return
    from fsspec.registry import get_filesystem_class  # rare protocols only, so its cost is theirs

    try:
        get_filesystem_class(protocol)
    except ValueError as error:
        raise InvalidInput(
            f"{protocol}:// is no protocol that fsspec knows: a store is a path, or a URL such as "
            "'s3://bucket/prefix', 'gs://bucket/prefix', 'abfs://container/prefix' or 'memory://name'"
        ) from error
    except ImportError as error:
        raise InvalidInput(f"{protocol}:// needs another package: {error}") from error

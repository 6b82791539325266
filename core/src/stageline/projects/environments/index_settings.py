"""The user's pip settings, told to uv, which has its own: an index that is set for pip holds for projects as well.

In the environment alone: their URLs may hold passwords. What is set for uv itself stands above it.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAMES = {
    # pip's setting: uv's variable, and what parts its values there
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "constraint": ("UV_CONSTRAINT", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "cert": ("SSL_CERT_FILE", " "),
}
_OLDER = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def uv_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv that say what pip's variables and files say."""
    found: dict[str, str] = {}
    pip = _from_files(environment)
    for name in _NAMES:
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if environment.get(variable):
            pip[name] = environment[variable]
    for name, value in pip.items():
        variable, separator = _NAMES[name]
        if variable not in environment and _OLDER.get(variable, "") not in environment:
            found[variable] = separator.join(value.split())
    if "UV_INDEX" in found and "UV_INDEX_STRATEGY" not in environment:
        # pip takes the best version of all indexes; uv by itself looks no further than the first that has the package.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue  # pip says what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                settings = {key.replace("_", "-"): value for key, value in parser.items(section)}
                found.update({key: settings[key] for key in _NAMES if settings.get(key)})
    return found


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """pip's, the weaker first."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(environment.get("HOME") or Path.home())
    for folder in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if named:
        yield Path(named)

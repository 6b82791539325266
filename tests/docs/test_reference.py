"""Whatever a user can name is named in the documentation: commands, settings, routes, errors, formats, Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import pytest
from doc_blocks import PAGES, ROOT
from typer.main import get_command

import stageline
from stageline.cli.main import app
from stageline.errors import REACTIONS, StagelineError
from stageline.settings import Settings

sys.path.append(str(ROOT / "docs" / "hooks"))

import of_commands
import of_errors
import of_python
import of_rest
import of_settings
import reference

SOURCES = [ROOT / "core" / "src", *(ROOT / "integrations").glob("*/src")]


@pytest.fixture(scope="module")
def human() -> str:
    """What people wrote."""
    return "\n".join(page.read_text("utf-8") for page in PAGES)


def test_every_command_and_option_is_in_the_reference() -> None:
    page = of_commands.commands_page()
    sections = dict(re.findall(r"^## `(stageline[^`]*)`\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    waiting = [(["stageline"], get_command(app))]
    seen = 0
    while waiting:
        words, command = waiting.pop()
        text = sections[" ".join(words)]
        for param in command.params:
            if param.param_type_name == "option" and not getattr(param, "hidden", False):
                for name in (*param.opts, *param.secondary_opts):
                    assert f"`{name}`" in text, (words, name)
                    seen += 1
        context = command.context_class(command, info_name=words[-1])
        names = command.list_commands(context) if hasattr(command, "list_commands") else []
        waiting += [([*words, name], command.get_command(context, name)) for name in names]
    assert seen > 200


def test_every_setting_is_in_the_reference_with_what_it_does() -> None:
    page = of_settings.settings_page()
    told = of_settings.told_of(Settings)
    for field in msgspec.structs.fields(Settings):
        assert f"`STAGELINE_{field.name.upper()}`" in page
        assert told[field.name].endswith(".")


def test_every_variable_of_the_environment_is_documented(human: str) -> None:
    text = human + of_settings.settings_page()
    named = {
        name
        for source in SOURCES
        for file in source.rglob("*.py")
        for name in re.findall(r"\bSTAGELINE_[A-Z][A-Z_]*[A-Z]\b", file.read_text("utf-8"))
    }
    assert {name for name in named if name not in text} == set()


def test_every_route_of_both_families_is_in_the_reference() -> None:
    server = pytest.importorskip("stageline.server.app")
    from stageline.server.api.app import PREFIX

    page = of_rest.rest_page()
    for one in (*server.TRACKING, *server.REGISTRY):
        assert f"`{one.method} /api/2.0/mlflow/{one.path}`" in page
    for path, item in of_rest.openapi()["paths"].items():
        for method in {"get", "put", "post", "delete"} & {*item}:
            assert f"`{method.upper()} {PREFIX}{path}`" in page


def test_every_error_is_in_the_reference_by_class_and_code() -> None:
    page = of_errors.errors_page()
    for kind in REACTIONS:
        assert f"| `{kind.__name__}` |" in page
        assert f"| `{kind.code}` |" in page
    assert {one for one in of_errors.errors() if one.__module__ == "stageline.errors"} == {
        *REACTIONS
    }
    from stageline.server.failures import TABLE

    for told in TABLE.values():
        assert f"`{told.code}`" in page
    assert issubclass(StagelineError, Exception)


@pytest.mark.parametrize("package", of_python.PACKAGES)
def test_every_public_name_is_in_the_reference_and_says_what_it_is(package: str) -> None:
    page = of_python.python_page()
    section = page.partition(f"## `{package}`\n")[2].partition("\n## `")[0]
    names = of_python.public(package)
    assert len(names) > 5
    silent = []
    for name in names:
        _, found, told = section.partition(f"### `{name}`\n")
        assert found, name
        if len(told.partition("\n### `")[0].splitlines()) < 4:
            silent.append(name)
    assert silent == []


def test_public_names_are_those_that_can_be_imported() -> None:
    assert of_python.public("stageline") == stageline.__all__


def test_every_format_is_in_the_page_about_the_store() -> None:
    page = (ROOT / "docs" / "storage-format.md").read_text("utf-8")
    formats = {
        name
        for file in Path(stageline.__file__).parent.rglob("*.py")
        for name in re.findall(
            r'^\w*_FORMAT = "(stageline\.[\w-]+/\d+)"', file.read_text("utf-8"), re.MULTILINE
        )
    }
    assert len(formats) > 15
    assert {name for name in formats if f"`{name}`" not in page} == set()


def test_every_folder_of_the_store_is_in_the_page_about_it() -> None:
    from stageline.storage import layout

    page = (ROOT / "docs" / "storage-format.md").read_text("utf-8")
    folders = {
        value for name, value in vars(layout).items() if name.isupper() and str(value).endswith("/")
    }
    assert len(folders) > 10
    assert {one for one in folders if f"`{one}" not in page} == set()


def test_reference_is_written_once_and_again_only_if_it_changes(tmp_path: Path) -> None:
    reference.write(tmp_path)
    written = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert {file.name for file in written} == {*reference.PAGES}
    reference.write(tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == written

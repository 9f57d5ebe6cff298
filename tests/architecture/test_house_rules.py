"""Conventions that would leak without a test: who may read the environment, commit, publish, and so on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.settings.__main__ import reference

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> set[str]:
    """Every module that `path` imports, absolute."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def users_of(package: str) -> set[str]:
    """The files that import `package` or anything in it."""
    return {
        name_of(path)
        for path in SOURCES
        if any(module == package or module.startswith(f"{package}.") for module in imports(path))
    }


def calls(path: Path) -> Iterator[str]:
    """The dotted end of every call in `path`: `tx.commit()` gives `commit`."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def test_only_settings_reads_the_environment() -> None:
    readers = {name_of(path) for path in SOURCES if {"os.environ", "environ"} & _attributes(path)}
    assert readers == {"shared/settings/__init__.py"}


def test_nothing_commits_but_the_transaction_itself() -> None:
    committers = {name_of(path) for path in SOURCES if "commit" in calls(path)}
    assert committers <= {"shared/db.py", "shared/migrations/env.py"}


def test_dramatiq_and_pika_stay_behind_the_broker() -> None:
    allowed = {"shared/broker.py", "shared/relay.py"}
    workers = {f"services/{service.name}/worker.py" for service in (ROOT / "services").iterdir()}
    assert users_of("pika") <= allowed
    assert users_of("dramatiq") <= allowed | workers


def test_marshmallow_only_in_schemas() -> None:
    outside = {name for name in users_of("marshmallow") if "/schemas/" not in name}
    # where schemas are applied to requests, and only there
    assert outside <= {"services/gateway/routes/body.py", "services/gateway/routes/blueprint.py"}


def test_flasks_request_is_known_only_at_the_edge() -> None:
    knowing = users_of("flask.request") | users_of("flask.g")
    edge = ("app.py", "auth.py", "errors.py", "limits.py")
    inside = {name for name in knowing if "/routes/" not in name and not name.endswith(edge)}
    assert inside <= {"shared/web.py"}


@pytest.mark.parametrize(
    "path",
    [
        "shared/states.py",
        "shared/bounces.py",
        "shared/bounce_words.py",
        "shared/clock.py",
        "shared/templates.py",
        "services/sender/backoff.py",
        "services/sender/outcomes.py",
        "services/sender/relays.py",
    ],
)
def test_pure_module_imports_the_standard_library_and_pure_modules_only(path: str) -> None:
    impure = {
        module
        for module in imports(ROOT / path)
        if module.split(".")[0] not in _STANDARD and not module.startswith(("shared.states", "shared"))
    }
    assert not impure
    assert "shared.db" not in imports(ROOT / path)


def test_every_setting_is_documented_as_the_code_has_it() -> None:
    documented = (ROOT / "docs/settings.md").read_text()
    assert documented == reference(), "run `make settings` to write docs/settings.md anew"


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        f"{name_of(path)}:{inner.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


def test_no_source_file_outgrows_its_reader() -> None:
    sizes = {
        name_of(path): len(path.read_text().splitlines()) for path in SOURCES if "versions" not in path.parts
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def _attributes(path: Path) -> set[str]:
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found.update(alias.name for alias in node.names)
    return found


_STANDARD = {
    "__future__",
    "re",
    "html",
    "functools",
    "dataclasses",
    "collections",
    "typing",
    "random",
    "urllib",
    "datetime",
}

"""The guides: pages of this install, and one for every operation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.app import create_app
from services.gateway.guides import guides

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app().test_client()


def operations(client: FlaskClient) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation of the OpenAPI document, with its name."""
    paths = client.get("/api/openapi.json").get_json()["paths"]
    for path, methods in paths.items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", methods[method]


def test_every_operation_links_to_a_guide_that_is_there(client: FlaskClient) -> None:
    links = {name: item.get("externalDocs", {}).get("url") for name, item in operations(client)}
    pages = {f"/docs/guides/{name}" for name in guides()}
    assert {name: link for name, link in links.items() if link not in pages} == {}


def test_every_guide_is_a_page_with_its_heading_and_runs_nothing(client: FlaskClient) -> None:
    assert guides()
    for guide in guides().values():
        page = client.get(f"/docs/guides/{guide.name}")
        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert f"<title>{guide.title}" in page.text
        assert "<h1 " in page.text
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_every_link_between_guides_leads_somewhere(client: FlaskClient) -> None:
    for guide in guides().values():
        for target in re.findall(r'href="([^"]+)"', guide.html):
            if target.startswith("http"):
                continue
            name, _, heading = target.partition("#")
            path = name if name.startswith("/") else f"/docs/guides/{name or guide.name}"
            page = client.get(path)
            assert page.status_code == 200, f"{guide.name} links to {target}"
            assert not heading or f'id="{heading}"' in page.text, f"{guide.name} links to {target}"


def test_list_of_guides_names_all_of_them(client: FlaskClient) -> None:
    page = client.get("/docs/guides")
    assert page.status_code == 200
    for name in guides():
        assert f'href="/docs/guides/{name}"' in page.text


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fREADME", "batch.md"])
def test_guide_that_is_not_there_is_404(client: FlaskClient, name: str) -> None:
    response = client.get(f"/docs/guides/{name}")
    assert (response.status_code, response.get_json()["code"]) == (404, "not_found")


def test_html_in_a_guide_is_shown_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.md").write_text("# Odd <b>one</b>\n\n<script>alert(1)</script>\n\n[b](batch.md#x)\n")
    monkeypatch.setattr("services.gateway.guides._DIRECTORY", tmp_path)
    guides.cache_clear()
    html = guides()["odd"].html
    guides.cache_clear()
    assert "<script" not in html
    assert 'href="batch#x"' in html

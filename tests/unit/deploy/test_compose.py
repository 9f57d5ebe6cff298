"""docker-compose.yml and deploy/Dockerfile, checked without an engine.

By the Compose Specification's own schema (`compose_spec/`, Apache-2.0, unchanged), and by what the two files
and `shared.settings` must agree on.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from shared.settings import Settings

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((Path(__file__).parent / "compose_spec" / "compose-spec.json").read_text())
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}
OURS = {name: service for name, service in BUILT.items() if "target" in service["build"]}

_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_STAGE = re.compile(r"^FROM\s+(\S+)(?:\s+AS\s+(\S+))?\s*$", re.MULTILINE | re.IGNORECASE)


def with_defaults(text: str) -> str:
    """`text` as it is on a machine that sets nothing."""
    return _VARIABLE.sub(lambda match: match[2] or "", text)


@dataclasses.dataclass
class Stage:
    """One `FROM` of a Dockerfile: what it is based on, and its instructions."""

    base: str
    body: str


def stages(dockerfile: Path) -> dict[str, Stage]:
    """The named stages of a Dockerfile; an unnamed last one is called "" here."""
    text = dockerfile.read_text()
    found = list(_STAGE.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {
        match[2] or "": Stage(match[1], text[match.end() : end])
        for match, end in zip(found, ends, strict=True)
    }


STAGES = stages(ROOT / "deploy" / "Dockerfile")


def whole(target: str, known: dict[str, Stage] = STAGES) -> str:
    """The instructions of a target and of every stage it is based on."""
    text, name = "", target
    while name in known:
        text = known[name].body + text
        name = known[name].base
    return text


def runs_once(name: str) -> bool:
    """Whether the service ends by itself."""
    return str(SERVICES[name].get("restart", "")).startswith("on-failure")


def test_the_file_is_valid_by_the_compose_specification() -> None:
    """The schema's own words say where it is not."""
    problems = [
        f"/{'/'.join(str(step) for step in error.instance_path)}: {error.message}"
        for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(COMPOSE)
    ]
    assert problems == []


def test_a_mistake_is_seen_when_the_file_has_one() -> None:
    """The schema refuses what it does not know, or the test above would prove nothing."""
    broken = {"services": {"gateway": {"image": "x", "helthcheck": {}}}}
    assert not jsonschema_rs.is_valid(SCHEMA, broken)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_services_that_exist_and_says_for_what(name: str) -> None:
    """`service_healthy`, or `service_completed_successfully` of what runs once."""
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert how["condition"] == (
            "service_completed_successfully" if runs_once(other) else "service_healthy"
        ), f"{name} → {other}"


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_built_from_a_target_that_exists(name: str) -> None:
    """`build.target` names a stage of the Dockerfile, and `build.dockerfile` the one we read here."""
    build = OURS[name]["build"]
    assert build["dockerfile"] == "deploy/Dockerfile"
    assert build["target"] in STAGES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_has_a_healthcheck(name: str) -> None:
    """Its own in the compose file, or the one its image brings."""
    if runs_once(name):
        return
    image_has = (name in OURS and "\nHEALTHCHECK" in whole(OURS[name]["build"]["target"])) or (
        name == "postfix" and "\nHEALTHCHECK" in stages(ROOT / "deploy/postfix/Dockerfile")[""].body
    )
    assert image_has or "test" in SERVICES[name].get("healthcheck", {})


def test_images_are_pinned_to_a_minor_version() -> None:
    """No `latest`, no bare major: what was tried is what comes up."""
    images = {service["image"] for name, service in SERVICES.items() if name not in BUILT}
    for service in BUILT.values():
        images.add(service["build"]["args"]["BASE_IMAGE"])
    for dockerfile in ("deploy/Dockerfile", "deploy/postfix/Dockerfile"):
        images.update(re.findall(r"^ARG BASE_IMAGE=(\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE))
    loose = [image for image in images if not re.search(r":v?\d+\.\d+", with_defaults(image))]
    assert loose == []


def test_both_places_name_the_same_base_image() -> None:
    """`docker build` and `docker compose build` give the same image."""
    for name, dockerfile in (("gateway", "deploy/Dockerfile"), ("postfix", "deploy/postfix/Dockerfile")):
        default = re.search(r"^ARG BASE_IMAGE=(\S+)", (ROOT / dockerfile).read_text(), re.MULTILINE)
        assert default is not None
        assert with_defaults(BUILT[name]["build"]["args"]["BASE_IMAGE"]) == default[1]


def test_every_mailmatic_variable_is_a_setting() -> None:
    """In the environment of a service as in `${…}`; nginx's are those of its template."""
    settings = {item.metadata["env"] for item in dataclasses.fields(Settings)}
    template = (ROOT / "deploy/nginx/mailmatic.conf.template").read_text()
    used = {name for name, _ in _VARIABLE.findall(TEXT)}
    for name, service in SERVICES.items():
        if name == "nginx":
            given = {key for key in service["environment"] if key.startswith("MAILMATIC_")}
            assert given == set(re.findall(r"\$\{(MAILMATIC_\w+)\}", template))
        else:
            used.update(service.get("environment", {}))
    assert {key for key in used if key.startswith("MAILMATIC_")} - settings == set()


@pytest.mark.parametrize("name", ["gateway", "submission", "sender", "sender-bulk", "campaigns", "bootstrap"])
def test_who_reads_or_makes_dkim_keys_has_the_master_keys(name: str) -> None:
    assert SERVICES[name]["environment"]["MAILMATIC_MASTER_KEYS"]


@pytest.mark.parametrize("name", ["sender", "sender-bulk", "tracker", "tracker-writer"])
def test_who_makes_or_reads_links_has_the_master_keys(name: str) -> None:
    assert SERVICES[name]["environment"]["MAILMATIC_MASTER_KEYS"]


def test_what_trackers_have_not_told_yet_outlives_them() -> None:
    assert SERVICES["tracker"]["volumes"] == ["tracker-state:/var/lib/mailmatic"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_can_be_scaled_and_is_hardened(name: str) -> None:
    """No name and no host port that a second replica would fight for; nothing it has no need of."""
    service = OURS[name]
    assert "container_name" not in service
    # clients speak SMTP with it and nothing between them: a proxy would hide their addresses
    assert ("ports" in service) == (name == "submission")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["environment"]["MAILMATIC_PROCESS"]


def test_ports_are_published_to_this_machine_only() -> None:
    """The MTA's never: behind Docker's address translation it would be an open relay."""
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    assert "ports" not in SERVICES["postfix"]
    assert {name for name, service in SERVICES.items() if "mta" in service.get("networks", [])} == {
        "sender",
        "sender-bulk",
        "mailpit",
        "postfix",
    }


def test_every_volume_in_use_is_declared() -> None:
    """And none is declared for nothing."""
    used = {
        source
        for service in SERVICES.values()
        for source in (volume.split(":")[0] for volume in service.get("volumes", []))
        if not source.startswith(".")
    }
    assert used == set(COMPOSE["volumes"])


@pytest.mark.parametrize("target", sorted({service["build"]["target"] for service in OURS.values()}))
def test_an_image_holds_its_own_service_only_and_runs_unprivileged(target: str) -> None:
    """One lock, `shared`, at most one service, a numeric user, a command without a shell."""
    text = whole(target)
    services = re.findall(r"^COPY services/(\w+)/", text, re.MULTILINE)
    own = "gateway" if target == "submission" else target  # two doors of one service
    assert services in ([own], [])
    assert bool(services) == (target not in ("relay", "migrate"))
    locks = re.findall(r"^COPY --from=venv-(\w+) ", text, re.MULTILINE)
    assert locks == [own if services else "sender"]
    assert f"requirements/{locks[0]}.lock" in STAGES[f"venv-{locks[0]}"].body
    assert (ROOT / "requirements" / f"{locks[0]}.lock").is_file()
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    assert re.search(r'^CMD \["', text, re.MULTILINE)

"""Master keys rotate: the operator's `reencrypt` puts every stored secret under the newest."""

from __future__ import annotations

import os
import subprocess

from cryptography.fernet import Fernet

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from shared.vault import Vault
from shared.webhook_secrets import shown
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

STORED = (
    "SELECT master_key_id, private_key FROM dkim_keys JOIN domains ON domains.id = domain_id"
    " WHERE name = :name"
)


def reencrypt(cluster: Cluster, *keys: str) -> subprocess.CompletedProcess[str]:
    """Runs the command under these master keys, newest first."""
    environment = {**os.environ, **cluster.environment(), "MAILMATIC_MASTER_KEYS": ",".join(keys)}
    command = [str(BIN / "python"), "-m", "services.gateway.cli", "reencrypt"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def secret(database: Database, client: Client, *keys: str) -> bytes:
    """The private DKIM key of the client's domain, opened with these master keys."""
    ((key_id, ciphertext),) = database.all(STORED, name=client.domain)
    return Vault(keys).decrypt(key_id, bytes(ciphertext))


def endpoint_secrets(database: Database, endpoint: str, *keys: str) -> list[str]:
    """The newest and the previous secret of an endpoint as its owner knows them, opened with these keys."""
    ((key_id, newest, previous_id, previous),) = database.all(
        "SELECT secret_key_id, secret, previous_secret_key_id, previous_secret FROM webhook_endpoints"
        " WHERE id = :id",
        id=endpoint,
    )
    vault = Vault(keys)
    return [shown(vault.decrypt(id, bytes(text))) for id, text in ((key_id, newest), (previous_id, previous))]


def test_old_master_key_can_go_once_everything_is_encrypted_anew(
    cluster: Cluster, database: Database, relay: Relay
) -> None:
    client = new_client(cluster)
    old, new = cluster.layout.secret("master-key"), Fernet.generate_key().decode()
    before = secret(database, client, old)
    made = client.post("/api/webhook-endpoints", {"url": "https://example.com/hook"}).json()
    rotated = client.post(f"/api/webhook-endpoints/{made['id']}/rotate-secret", {}).json()
    cluster.stop("sender")  # it knows the old key alone
    try:
        done = reencrypt(cluster, new, old)
        assert done.returncode == 0, done.stderr
        assert secret(database, client, new) == before
        assert endpoint_secrets(database, made["id"], new) == [rotated["secret"], made["secret"]]
        assert reencrypt(cluster, new, old).stdout == "encrypted anew: 0\n"
    finally:
        assert reencrypt(cluster, old, new).returncode == 0
        cluster.start("sender")
    assert secret(database, client, old) == before
    sent = client.send()
    wait_for(lambda: relay.received(sent["message_id"]), "signed mail to go on")


def test_nothing_is_changed_when_a_master_key_is_missing(
    running: Cluster, database: Database, api: Client
) -> None:
    before = database.all(STORED, name=api.domain)
    done = reencrypt(running, Fernet.generate_key().decode())
    assert done.returncode == 1
    assert "is it still in MAILMATIC_MASTER_KEYS?" in done.stderr
    assert database.all(STORED, name=api.domain) == before

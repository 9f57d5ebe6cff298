"""Secrets at rest under rotating master keys."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from shared.vault import Vault, VaultError

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_secret_comes_back_and_is_not_readable_at_rest() -> None:
    key_id, ciphertext = Vault([OLD]).encrypt(b"secret")
    assert b"secret" not in ciphertext
    assert Vault([OLD]).decrypt(key_id, ciphertext) == b"secret"


def test_old_secrets_open_after_a_rotation_and_are_told_to_be_stale() -> None:
    key_id, ciphertext = Vault([OLD]).encrypt(b"secret")
    rotated = Vault([NEW, OLD])
    assert rotated.decrypt(key_id, ciphertext) == b"secret"
    assert rotated.stale(key_id)
    assert not rotated.stale(rotated.encrypt(b"secret")[0])


def test_secret_of_a_lost_key_or_tampered_with_is_refused() -> None:
    key_id, ciphertext = Vault([OLD]).encrypt(b"secret")
    with pytest.raises(VaultError, match="MAILMATIC_MASTER_KEYS"):
        Vault([NEW]).decrypt(key_id, ciphertext)
    with pytest.raises(VaultError):
        Vault([OLD]).decrypt(key_id, ciphertext[:-2] + b"AA")


def test_vault_without_a_key_says_which_setting_is_missing() -> None:
    with pytest.raises(VaultError, match="MAILMATIC_MASTER_KEYS"):
        Vault([])

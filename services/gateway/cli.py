"""The operator's command line: `python -m services.gateway.cli --help`."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import click
from sqlalchemy.exc import IntegrityError

from services.gateway import passwords, tenants, users
from services.gateway.credential_store import Wanted
from services.gateway.keys import digest, looks_like_key
from services.gateway.scopes import SCOPES
from shared import audit
from shared.addresses import AddressError, domain_name, parse_address
from shared.audit import Actor
from shared.db import DatabaseUnavailable, transaction
from shared.dkim_keys import reencrypt_keys
from shared.models.users import ROLES
from shared.sandbox import SANDBOX_DOMAIN
from shared.vault import VaultError
from shared.webhook_secrets import reencrypt_secrets

SANDBOX = "Sandbox"
#: Secrets encrypted anew in one transaction.
_SECRETS = 200


class Group(click.Group):
    """Turns expected trouble into one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except DatabaseUnavailable as error:
            raise click.ClickException(f"PostgreSQL can't be reached: {str(error).splitlines()[0]}") from None
        except (AddressError, LookupError, VaultError) as error:
            raise click.ClickException(str(error)) from None


class Quota(click.ParamType[int | str]):
    """A number of recipients from 1 on, `none` or `default`."""

    name = "QUOTA"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The number, or the word."""
        if value in ("none", "default"):
            return str(value)
        return click.IntRange(1, 2**31 - 1).convert(value, param, ctx)


_QUOTA = Quota()


@click.group(cls=Group)
def cli() -> None:
    """Accounts, sending domains and API keys of this install."""


@cli.command()
@click.option("--account", "name", default=SANDBOX, show_default=True, help="Name of the account.")
@click.option(
    "--domain", default=SANDBOX_DOMAIN, show_default=True, help="Its sending domain, taken as verified."
)
@click.option("--username", default="hello", show_default=True, help="Local part of the sender address.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def bootstrap(name: str, domain: str, username: str, as_json: bool) -> None:
    """Make a first account, a verified domain and a NEW key.

    Account and domain are made once; every call makes one more credential, because a key that exists can't
    be shown again.
    """
    with transaction() as tx:
        account = tenants.account_named(tx, name)
        _domain(tx, account, domain, verified=True)
        sender = parse_address(f"{username}@{domain}")
        credential = tenants.create_credential(tx, account, sender.domain, Wanted(sender.local))
    _show(
        {
            "api_key": credential.api_key,
            "from": credential.address,
            "account": str(account),
            "credential": str(credential.id),
        },
        as_json,
    )


@cli.command("create-account")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def create_account(name: str, as_json: bool) -> None:
    """Make an account called NAME."""
    with transaction() as tx:
        account = tenants.create_account(tx, name)
    _show({"account": str(account), "name": name}, as_json)


@cli.command("add-domain")
@click.argument("account", type=click.UUID)
@click.argument("domain")
@click.option("--verified", is_flag=True, help="Take it as verified, without asking DNS.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def add_domain(account: UUID, domain: str, verified: bool, as_json: bool) -> None:
    """Give ACCOUNT (its id) the sending domain DOMAIN, or verify one that it has."""
    with transaction() as tx:
        id = _domain(tx, account, domain, verified)
    _show({"domain": str(id), "name": domain_name(domain), "verified": verified}, as_json)


@cli.command("create-key")
@click.argument("account", type=click.UUID)
@click.argument("address")
@click.option("--name", help="Display name of the sender.")
@click.option("--test", is_flag=True, help="A test key: what it sends is accepted and goes nowhere.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(list(SCOPES)), help="Default: all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def create_key(  # noqa: PLR0917 - each an option
    account: UUID, address: str, name: str | None, test: bool, scopes: tuple[str, ...], as_json: bool
) -> None:
    """Make an API key of ACCOUNT (its id) that sends from ADDRESS's domain."""
    sender = parse_address(address)
    with transaction() as tx:
        wanted = Wanted(sender.local, name or sender.name, scopes=list(scopes) or None, test=test)
        credential = tenants.create_credential(tx, account, sender.domain, wanted)
    _show(
        {"api_key": credential.api_key, "from": credential.address, "credential": str(credential.id)},
        as_json,
    )


@cli.command("create-user")
@click.argument("account", type=click.UUID)
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="owner", show_default=True)
@click.option("--name", help="Their name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def create_user(account: UUID, email: str, role: str, name: str | None, as_json: bool) -> None:
    """Make a user of ACCOUNT (its id), who sets a password with the token that this prints.

    The token is for POST /api/auth/password-reset/confirm, once, within 7 days.
    """
    address = parse_address(email)
    hashed = passwords.unusable()
    with transaction() as tx:
        try:
            made = users.create(tx, account, address.key, name=name, role=role, password_hash=hashed)
        except IntegrityError:
            raise click.ClickException(f"there is no account {account}") from None
        if made is None:
            raise click.ClickException(f"somebody signs in with {address.email} already")
        token = users.new_token(tx, made, users.INVITATION_SECONDS)
        audit.record(
            tx, Actor(account, "operator"), "user.invited", made, {"email": address.key, "role": role}
        )
    _show({"user": str(made), "token": token}, as_json)


@cli.command("reset-password")
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def reset_password(email: str, as_json: bool) -> None:
    """Print a token with which the user with this address sets a new password, once, within an hour."""
    with transaction() as tx:
        found = users.by_email(tx, parse_address(email).key)
        if found is None:
            raise click.ClickException(f"nobody signs in with {email}")
        token = users.new_token(tx, found["id"], users.RESET_SECONDS)
        by = Actor(found["account_id"], "operator")
        audit.record(tx, by, "user.password_reset_asked", found["id"])
    _show({"user": str(found["id"]), "token": token}, as_json)


@cli.command("set-quota")
@click.argument("account", type=click.UUID)
@click.option("--daily", type=_QUOTA, help="Recipients a day (UTC): a number, none, or default.")
@click.option("--monthly", type=_QUOTA, help="Recipients a calendar month (UTC): the same.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def set_quota(account: UUID, daily: int | str | None, monthly: int | str | None, as_json: bool) -> None:
    """Limit how many recipients ACCOUNT (its id) may send to.

    What is not given stays. `none` is no limit; `default` is what the settings say. Felt within 5 s.
    """
    given = {"quota_daily": daily, "quota_monthly": monthly}
    values = {name: _quota(value) for name, value in given.items() if value is not None}
    if not values:
        raise click.UsageError("give --daily or --monthly")
    with transaction() as tx:
        if not tenants.set_quotas(tx, account, values):
            raise click.ClickException(f"there is no account {account}")
    _show({"account": str(account), **{name: given for name, given in given.items() if given}}, as_json)


@cli.command("deactivate-key")
@click.argument("key")
def deactivate_key(key: str) -> None:
    """Deactivate the API key KEY, or the credential with that id. Takes at most 5 s to be felt everywhere."""
    with transaction() as tx:
        found = tenants.deactivate(tx, digest(key) if looks_like_key(key) else _uuid(key))
    if not found:
        raise click.ClickException("there is no such credential")
    click.echo("deactivated")


@cli.command("reencrypt")
def reencrypt() -> None:
    """Encrypt every stored secret under the first of MAILMATIC_MASTER_KEYS, so that the others can go."""
    done = 0
    while True:
        with transaction() as tx:
            changed = reencrypt_keys(tx, _SECRETS) + reencrypt_secrets(tx, _SECRETS)
        if not changed:
            break
        done += changed
    click.echo(f"encrypted anew: {done}")


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array, for scripts.")
def list_all(as_json: bool) -> None:
    """List accounts, their domains and credentials."""
    with transaction() as tx:
        rows = tenants.overview(tx)
    if as_json:
        click.echo(json.dumps(rows, default=str))
        return
    for row in rows:
        credential = "-"
        if row["credential"]:
            state = "active" if row["active"] else "inactive"
            credential = f"{row['username']}  {row['key_prefix']}…  {state}  {row['credential']}"
        domain = f"{row['domain']} ({row['domain_status']})" if row["domain"] else "-"
        click.echo(f"{row['account']}  {row['account_name']}  {domain}  {credential}")


def _domain(tx: Any, account: UUID, domain: str, verified: bool) -> UUID:
    try:
        return tenants.ensure_domain(tx, account, domain_name(domain), verified)
    except IntegrityError as error:
        if "fk_domains_account_id" in str(error.orig):
            raise click.ClickException(f"there is no account {account}") from None
        raise click.ClickException(f"another account has verified {domain}") from None


def _quota(given: int | str) -> int | None:
    return {"none": 0, "default": None}[given] if isinstance(given, str) else given


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise click.ClickException("neither an API key nor the id of a credential") from None


def _show(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(values))
        return
    width = max(len(key) for key in values)
    for key, value in values.items():
        click.echo(f"{key:{width}}  {value}")


if __name__ == "__main__":
    cli()

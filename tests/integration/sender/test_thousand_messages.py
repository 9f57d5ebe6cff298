"""A thousand messages of every shape, each verified by two programs that share nothing with us or each other.

dkimpy, and Perl's Mail::DKIM, which asks a real DNS for the key.
"""

from __future__ import annotations

import dataclasses
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from services.sender.dkim import Signer
from services.sender.jobs import Attachment, Content, Job
from services.sender.render import render
from shared.dkim_keys import character_strings
from tests.fixtures.dns_server import Dns, fresh, text
from tests.unit.sender.test_dkim import record
from tests.unit.sender.test_render import JOB

MESSAGES = 1_000
SELECTOR = "mm1"

_VERIFY = """
use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS::Resolver;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $ARGV[0]));
for my $path (glob("$ARGV[1]/*.eml")) {
    my $verifier = Mail::DKIM::Verifier->new;
    open my $file, '<:raw', $path or die; local $/; $verifier->PRINT(<$file>); $verifier->CLOSE;
    print $verifier->result_detail, "\\n";
}
"""

_WORDS = (
    "Grüße",
    "東京",
    "🚀",
    "a",
    "of the",
    "=3D",
    "--",
    "From the start",
    ".",
    "..",
    "{}",
    "<b>",
    "&amp;",
)


def some_text(chance: random.Random) -> str:
    """A body: empty, or lines that are short, endless, blank, or end in blanks."""
    if chance.random() < 0.05:
        return chance.choice(["", "\n", "\n\n\n", " ", "\t\n"])
    lines = []
    for _ in range(chance.randrange(1, 12)):
        line = " ".join(chance.choice(_WORDS) for _ in range(chance.choice([0, 1, 5, 300])))
        lines.append(line + chance.choice(["", "", " ", "  \t", "x" * 1_200]))
    return chance.choice(["\n", "\r\n"]).join(lines) + chance.choice(["", "\n", "\n\n\n"])


def some_job(chance: random.Random, domain: str, number: int) -> tuple[Job, dict[UUID, bytes]]:
    """An email of some shape, and the files that go with it."""
    both = chance.random()
    files = {UUID(int=1000 + index): chance.randbytes(chance.choice([0, 1, 57, 5_000])) for index in range(3)}
    attached = [
        Attachment(
            id,
            len(data),
            f"Datei {index} ✓.bin",
            "application/octet-stream",
            chance.choice([None, f"c{index}"]),
        )
        for index, (id, data) in enumerate(files.items())
        if chance.random() < 0.2
    ]
    content = Content(
        subject=" ".join(chance.choice(_WORDS) for _ in range(chance.choice([1, 3, 60]))),
        html=some_text(chance) if both < 0.7 else None,
        text=some_text(chance) if both > 0.4 else None,
        attachments=tuple(attached),
    )
    headers = [
        (f"X-Long-{index}", " ".join("word" for _ in range(90))) for index in range(chance.randrange(3))
    ]
    job = dataclasses.replace(
        JOB,
        email_id=str(UUID(int=number + 1)),
        message_id=f"<{number}@{domain}>",
        sender=(chance.choice([None, "Zoë Ünal", "Löwe, Söhne & Co."]), f"hello@{domain}"),
        headers=[*headers, ("List-Unsubscribe", f"<https://{domain}/u/{number}>")],
        content=content,
    )
    return job, files


def messages(domain: str, signers: list[Signer]) -> Iterator[bytes]:
    """A thousand of them, always the same."""
    chance = random.Random(6376)
    for number in range(MESSAGES):
        job, files = some_job(chance, domain, number)
        signed = render(job, files).signed(signers, 1_780_000_000)
        yield b"".join(signed.stream())


@pytest.fixture(scope="module")
def keys() -> tuple[rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey]:
    """One of each kind."""
    return rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()


def test_dkimpy_verifies_both_signatures_of_a_thousand_messages(
    keys: tuple[rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey],
) -> None:
    domain = fresh()
    records = {
        f"{name}._domainkey.{domain}.".encode(): record(key) for name, key in zip("re", keys, strict=True)
    }
    signers = [Signer(domain, name, key) for name, key in zip("re", keys, strict=True)]
    for message in messages(domain, signers):
        for index in range(2):
            found = dkim.DKIM(message).verify(index, dnsfunc=lambda name, timeout=5: records[name])
            assert found, message[:2_000]


def test_mail_dkim_verifies_a_thousand_messages_against_a_real_dns(
    keys: tuple[rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey], dns: Dns, tmp_path: Path
) -> None:
    domain, (key, _) = fresh(), keys
    dns.set(f"{SELECTOR}._domainkey.{domain}", "TXT", text(*character_strings(record(key).decode())))
    for number, message in enumerate(messages(domain, [Signer(domain, SELECTOR, key)])):
        (tmp_path / f"{number:04}.eml").write_bytes(message)
    command = ["perl", "-e", _VERIFY, str(dns.port), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["pass"] * MESSAGES

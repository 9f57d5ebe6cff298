"""The certificate of SMTP submission: from files, read again when they change, or one signed by itself.

Refuses nothing at run time: files that can't be read leave the certificate that there is, and are reported.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.clock import now
from shared.observability import get_logger
from shared.settings import Settings

log = get_logger("submission")

#: How long one that we sign ourselves is good.
_GOOD_FOR = timedelta(days=825)
#: To be trusted as it is, it signs itself and is what signs.
_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


class Certificates:
    """The TLS context of this moment. `refresh` blocks on files; `context` does not."""

    def __init__(self, certificate: Path, key: Path | None) -> None:
        """Reads the files.

        Raises:
            OSError: one can't be read, or holds no certificate with its key (ssl.SSLError is one).
        """
        self._certificate, self._key = certificate, key
        self._seen = self._stamp()
        self.context = self._load()

    @classmethod
    def configured(cls, config: Settings) -> Certificates:
        """Those of the settings; without any one is made in the state directory."""
        if config.smtp_certificate:
            key = config.smtp_certificate_key
            return cls(Path(config.smtp_certificate), Path(key) if key else None)
        made = config.state_dir / "submission" / "self-signed.pem"
        if not _is_good(made):
            make_self_signed(made, config.hostname)
            log.warning("submission.self_signed", file=str(made), hostname=config.hostname)
        return cls(made, None)

    def refresh(self) -> bool:
        """Reads the files again if they have changed; whether there is a new certificate."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            self._seen = stamp  # a broken pair of files is reported once
            self.context = self._load()
        except OSError as error:
            log.error("submission.certificate_unreadable", reason=str(error))
            return False
        log.info("submission.certificate_reloaded")
        return True

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context

    def _stamp(self) -> list[tuple[int, int]]:
        files = [path for path in (self._certificate, self._key) if path]
        return [(stat.st_mtime_ns, stat.st_ino) for stat in (path.stat() for path in files)]


def make_self_signed(path: Path, hostname: str) -> None:
    """A key and a certificate for `hostname` and this machine, in one file that its owner alone can read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    names: list[x509.GeneralName] = [x509.DNSName(item) for item in dict.fromkeys((hostname, "localhost"))]
    names.append(x509.IPAddress(ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(hours=1))
        .not_valid_after(now() + _GOOD_FOR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )


def _is_good(path: Path) -> bool:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return False
    return all(item.not_valid_after_utc > now() for item in found)

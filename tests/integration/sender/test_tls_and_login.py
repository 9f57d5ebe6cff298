"""STARTTLS, TLS from the first byte, and AUTH, against certificates made here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.sender.handshake import tls_context
from services.sender.smtp import RelayTrouble
from tests.fixtures.smtp_client import HELLO, Begun, Connect, envelope, statuses
from tests.fixtures.smtp_peers import Certificate, make_certificate, peer, smtp_sink


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Self-signed, so trusted by nobody who was not told to."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


def test_mail_is_encrypted_when_starttls_is_offered(certificate: Certificate, connect: Connect) -> None:
    with peer(tls=certificate.server_context(), pipelining=True) as there:
        connection = connect(there.port)
        for _ in range(2):
            outcomes = connection.deliver(envelope("a@x.test"), HELLO, Begun())
            assert statuses(outcomes) == {0: "sent"}
            assert connection.usable
    assert [message.encrypted for message in there.arrived] == [True, True]
    assert there.connections == 1


def test_mail_goes_in_clear_when_tls_is_opportunistic_and_not_offered(connect: Connect) -> None:
    with peer() as there:
        assert statuses(connect(there.port).deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "sent"}
    assert [message.encrypted for message in there.arrived] == [False]


def test_it_is_trouble_when_starttls_is_required_and_not_offered(connect: Connect) -> None:
    with smtp_sink() as sink, pytest.raises(RelayTrouble, match="STARTTLS"):
        connect(sink.port, "?starttls=required&verify=no")


@pytest.mark.parametrize("options", ["?starttls=required", "?starttls=opportunistic&verify=yes"])
def test_it_is_trouble_and_never_clear_text_when_the_certificate_is_not_trusted(
    options: str, certificate: Certificate, connect: Connect
) -> None:
    with (
        peer(tls=certificate.server_context()) as there,
        pytest.raises(RelayTrouble, match="certificate verify failed"),
    ):
        connect(there.port, options)
    assert there.commands["MAIL"] == 0


@pytest.mark.usefixtures("trusted")
def test_mail_is_encrypted_when_the_certificate_is_verified(
    certificate: Certificate, connect: Connect
) -> None:
    with peer(tls=certificate.server_context()) as there:
        connection = connect(there.port, "?starttls=required&verify=yes")
        assert statuses(connection.deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "sent"}
    assert there.arrived[0].encrypted


@pytest.mark.usefixtures("trusted")
def test_mail_is_encrypted_when_tls_is_spoken_from_the_first_byte(
    certificate: Certificate, connect: Connect
) -> None:
    with peer(tls=certificate.server_context(), implicit_tls=True) as there:
        connection = connect(there.port, scheme="smtps")
        assert statuses(connection.deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "sent"}
    assert there.arrived[0].encrypted


def test_it_is_trouble_when_tls_from_the_first_byte_meets_an_untrusted_certificate(
    certificate: Certificate, connect: Connect
) -> None:
    with (
        peer(tls=certificate.server_context(), implicit_tls=True) as there,
        pytest.raises(RelayTrouble, match="certificate verify failed"),
    ):
        connect(there.port, scheme="smtps")


def test_mail_is_taken_when_the_login_is_right(certificate: Certificate, connect: Connect) -> None:
    with peer(tls=certificate.server_context(), login=True) as there:
        connection = connect(there.port, "?verify=no", login="us%40er:secret@")
        assert statuses(connection.deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "sent"}
    assert there.logins == [(b"us@er", b"secret")]
    assert there.arrived[0].encrypted


def test_it_is_trouble_and_no_failure_of_the_email_when_the_login_is_refused(
    certificate: Certificate, connect: Connect
) -> None:
    with peer(tls=certificate.server_context(), login=True) as there:
        with pytest.raises(RelayTrouble, match="535") as caught:
            connect(there.port, "?verify=no", login="user:wrong@")
        assert caught.value.blames_relay
    assert "wrong" not in str(caught.value)


def test_it_is_trouble_and_no_failure_of_the_email_when_a_login_is_needed_and_none_is_configured(
    certificate: Certificate, connect: Connect
) -> None:
    with (
        peer(tls=certificate.server_context(), login=True) as there,
        pytest.raises(RelayTrouble, match="530"),
    ):
        connect(there.port).deliver(envelope("a@x.test"), HELLO, Begun())


@pytest.mark.parametrize("options", ["", "?starttls=opportunistic"])
def test_a_password_is_never_said_in_clear_when_the_relay_does_not_offer_tls(
    options: str, connect: Connect
) -> None:
    with (
        peer() as there,
        pytest.raises(RelayTrouble, match="STARTTLS"),
    ):
        connect(there.port, options, login="user:secret@")
    assert there.logins == []

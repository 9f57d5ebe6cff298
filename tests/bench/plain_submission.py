"""What is usually built: an aiosmtpd handler that writes each message by one commit of the ORM."""

from __future__ import annotations

import asyncio
import sys
import uuid

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import LargeBinary, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm import Session as Orm

from deploy.local.ports import HOST
from shared.db import database_url


class Base(DeclarativeBase):
    """The ORM's."""


class Mail(Base):
    """A message as it came."""

    __tablename__ = "bench_mails"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    sender: Mapped[str] = mapped_column(Text)
    recipients: Mapped[str] = mapped_column(Text)
    data: Mapped[bytes] = mapped_column(LargeBinary)


ENGINE = create_engine(database_url())


class Handler:
    """Takes everything."""

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        """Offers PIPELINING, which aiosmtpd does but does not say."""
        session.host_name = name
        return [*answers[:-1], "250-PIPELINING", answers[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """One row, one commit."""
        with Orm(ENGINE) as orm:
            orm.add(
                Mail(
                    sender=str(envelope.mail_from),
                    recipients=",".join(map(str, envelope.rcpt_tos)),
                    data=bytes(envelope.content or b""),
                )
            )
            orm.commit()
        return "250 OK"


def main(port: int) -> None:
    """Serves until it is terminated."""
    Base.metadata.create_all(ENGINE)
    controller = Controller(Handler(), hostname=HOST, port=port)
    controller.start()
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))

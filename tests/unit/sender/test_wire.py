"""What travels on a connection, over a pair of sockets."""

from __future__ import annotations

import itertools
import socket
import threading

import pytest

from services.sender.wire import Wire


def test_sending_ends_in_time_when_a_relay_reads_a_message_that_has_no_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.3)
        reader = threading.Thread(target=lambda: [None for _ in iter(lambda: theirs.recv(65_536), b"")])
        reader.start()
        with pytest.raises(TimeoutError):
            Wire(ours).send_all(itertools.repeat(b"x" * 65_536))
        assert ours.gettimeout() == 0.3
        ours.shutdown(socket.SHUT_RDWR)
        reader.join(10)
        assert not reader.is_alive()


def test_replies_together_come_within_the_time_there_is_for_all_of_them() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        wire, ended = Wire(ours), threading.Event()

        def dribble() -> None:
            for _ in range(200):  # each in good time
                theirs.sendall(b"250 OK\r\n")
                if ended.wait(0.05):
                    return
            theirs.close()

        relay = threading.Thread(target=dribble)
        relay.start()
        with pytest.raises(TimeoutError), wire.within(0.3):
            list(iter(wire.reply, None))
        ended.set()
        relay.join(10)
        assert ours.gettimeout() == 20

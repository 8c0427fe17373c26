from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from core.errors import ConfigError
from core.run.ports import Port, PortTaken, refuse_taken


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named_with_the_setting_that_moves_it(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"port {taken} \(web\) is in use.*set AUDIMAX_PORT"):
        refuse_taken([Port("web", "AUDIMAX_PORT", taken)])


def test_a_udp_port_in_use_is_found_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = Port("media", "AUDIMAX_LIVEKIT_UDP_PORT", holder.getsockname()[1], is_udp=True)
        assert "AUDIMAX_LIVEKIT_UDP_PORT" in port.problem()


def test_all_taken_ports_are_named_at_once(taken: int) -> None:
    with pytest.raises(PortTaken) as refused:
        refuse_taken([Port("web", "AUDIMAX_PORT", taken), Port("gate", "AUDIMAX_GATE_PORT", taken)])
    assert str(refused.value).count("is in use") == 2
    assert "are both" in str(refused.value)


def test_free_ports_are_no_problem() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    refuse_taken([Port("web", "AUDIMAX_PORT", free)])


@pytest.mark.parametrize("wrong", ["0", "70000", "http", "-1", "80.0"])
def test_what_is_no_port_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ConfigError, match="AUDIMAX_PORT"):
        Port.read({"AUDIMAX_PORT": wrong}, "web", "AUDIMAX_PORT", 8000)

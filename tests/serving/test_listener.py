"""Addresses that servers listen on."""

from __future__ import annotations

import pytest

from asap_lightning.errors import UserError
from asap_lightning.serving.listener import address_of, is_loopback, listening


def test_addresses() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(UserError, match=f"--port {port} cannot be used .another server listens there"):
            listening("127.0.0.1", port)
        with pytest.raises(UserError, match=f"host=127.0.0.1 port={port} cannot be used .*port=0 for a free"):
            listening("127.0.0.1", port, "{}=")
    with pytest.raises(UserError, match="from 0 to 65535"):
        listening("127.0.0.1", 99999)
    with pytest.raises(UserError, match=r"--host 203\.0\.113\.1 --port 0 cannot be used"):
        listening("203.0.113.1", 0)


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")] == [
        *(True, True, True),
        *(False, False),
    ]

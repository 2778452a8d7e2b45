"""A service process is started, watched and ended from outside, and a broken one is told apart."""

import os
import sys
from pathlib import Path

import pytest

from voip_sms.demo.process import Service, ServiceFailedError

READY = 'print(\'ready {"pid": 1, "http": "127.0.0.1:41231", "sip_tls": null}\', flush=True)'
POLITE = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"


def _service(folder: Path, *lines: str) -> Service:
    return Service("\n".join(lines), log=folder / "log", program=[sys.executable, "-c"])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_its_ready_line_tells_where_it_listens_and_sigterm_ends_it(tmp_path: Path) -> None:
    service = _service(
        tmp_path, POLITE, "print('warm', file=sys.stderr, flush=True)", READY, "signal.pause()"
    )
    async with service:
        assert service.address("http") == ("127.0.0.1", 41231)
        assert service.ready["sip_tls"] is None
        pid = service.pid
        assert _alive(pid)
        assert await service.stop() == 0
    assert not _alive(pid)
    assert len(service.lines) == 1
    assert "warm" in service.log_text()


async def test_killed_it_is_gone_at_once_and_can_be_started_again(tmp_path: Path) -> None:
    service = await _service(tmp_path, READY, "import time", "time.sleep(60)").start()
    first = service.pid
    assert await service.kill() == -9
    assert not service.running
    await service.start()
    assert service.pid != first
    await service.kill()


async def test_one_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    service = _service(tmp_path, "import sys", "sys.exit('http.listen: port in use')")
    with pytest.raises(
        ServiceFailedError, match=r"ended with 1 before it was ready\nhttp.listen: port in use"
    ):
        await service.start()


async def test_one_that_never_gets_ready_is_ended(tmp_path: Path) -> None:
    service = _service(tmp_path, "import time", "time.sleep(60)")
    with pytest.raises(ServiceFailedError, match="not ready within"):
        await service.start(within=0.5)
    assert not service.running


async def test_one_that_talks_a_lot_is_not_stopped_by_its_pipe(tmp_path: Path) -> None:
    lots = "for _ in range(20000): print('x' * 50)"
    service = await _service(tmp_path, READY, lots, "sys = __import__('sys'); sys.exit(7)").start()
    assert await service.wait(10) == 7


async def test_one_that_ignores_sigterm_is_killed_and_reported(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    service = await _service(tmp_path, deaf, READY, "time.sleep(60)").start()
    with pytest.raises(ServiceFailedError, match="did not stop"):
        await service.stop(within=0.3)
    assert not service.running

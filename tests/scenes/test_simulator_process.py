"""`voip-sms smsc` as a process: one ready line, clean end, exit codes."""

import json
import signal
import socket
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "voip_sms.cli.smsc"]
LISTEN = ["--smpp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--system-id", "sim", "--password", "sim"]


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_line_and_a_clean_end(number):
    with subprocess.Popen([*COMMAND, *LISTEN], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        word, _, rest = process.stdout.readline().decode().partition(" ")
        ready = json.loads(rest)
        addresses = [ready["simulator_smpp"], ready["simulator_http"]]
        for address in addresses:
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (word, ready["pid"]) == ("ready", process.pid)
    assert process.returncode == 0
    assert out == b""
    assert b"simulator_up" in err
    assert b"Traceback" not in err


def test_without_http(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "--smpp", "127.0.0.1:0", "--http", ""], stdout=subprocess.PIPE
    ) as process:
        ready = json.loads(process.stdout.readline().decode().removeprefix("ready "))
        process.terminate()
        process.communicate(timeout=10)
    assert ready["simulator_http"] is None
    assert process.returncode == 0


def test_a_port_in_use_is_exit_4():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("--smpp", address, "--http", "")
    assert (ended.returncode, ended.stdout) == (4, b"")
    assert b"in use" in ended.stderr


@pytest.mark.parametrize("address", ["2775", "localhost", "127.0.0.1:70000", ":2775"])
def test_a_nonsense_address_is_exit_2(address):
    ended = run("--smpp", address, "--http", "")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"is not host:port" in ended.stderr


def test_a_too_long_system_id_is_exit_2():
    ended = run(*LISTEN, "--system-id", "x" * 16)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"system_id" in ended.stderr
    assert b"Traceback" not in ended.stderr

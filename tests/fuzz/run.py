"""One fuzzing run: `python -m fuzz.run TARGET SECONDS [FOLDER]`; needs the `fuzz` set (tools/fuzz.sh).

Coverage of the SIP and SMPP code guides it. A finding is an exception, or more than `SLOWEST` seconds of processor
time for one input; it ends the run with 77 and leaves the input in FOLDER/TARGET.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import atheris
import structlog

with atheris.instrument_imports(include=["voip_sms.wire", "voip_sms.net.sip", "voip_sms.doors.sip"]):
    from fuzz.seeds import WORDS, kept, seeds
    from fuzz.targets import TARGETS

SLOWEST: Final = 0.5
"""A tenth of a second without the fuzzer's own counting, which makes everything about five times slower."""
LONGEST: Final = 20_000
"""Octets of one input: a little more than the largest head."""


class SlowError(Exception):
    """One input took too long."""


def main(target: str, seconds: str, folder: str) -> None:
    check = TARGETS[target]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    def one(data: bytes) -> None:
        began = time.process_time()
        check(data)
        took = time.process_time() - began
        if took > SLOWEST:
            raise SlowError(f"{took:.3f} s for {len(data)} octets")

    place = Path(folder) / target
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "seeds"
        start.mkdir()
        for number, octets in enumerate(seeds(target) + [octets for _, octets in kept(target)]):
            (start / f"{number:05}").write_bytes(octets)
        words = Path(scratch) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS), encoding="ascii")
        options = [
            f"-max_total_time={int(seconds)}",
            f"-max_len={LONGEST}",
            f"-dict={words}",
            f"-artifact_prefix={place}/finding-",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            "-verbosity=1",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus), str(start)], one)
        atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{octet:02x}" for octet in word.encode("latin-1"))


if __name__ == "__main__":
    main(*[*sys.argv[1:], "var/fuzz"][:3])

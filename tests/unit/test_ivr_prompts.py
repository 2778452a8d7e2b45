"""Texts, digits and numbers as sounds: spoken once, kept while they are used, named so that nothing leaks."""

import asyncio
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

import pytest

from support.ivr import FakeSpeech
from voip_sms.doors.ivr import prompts as module
from voip_sms.doors.ivr.events import Digits, Number, Say, Sound
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.speech import SpeechError, Speechless, SpokenBy


@pytest.fixture
def speech() -> FakeSpeech:
    return FakeSpeech()


@pytest.fixture
def prompts(speech: FakeSpeech, tmp_path: Path) -> Prompts:
    return Prompts(speech, tmp_path / "prompts", "", b"k" * 32)


def path_of(medium: str) -> Path:
    return Path(medium.removeprefix("sound:") + ".wav")


async def test_a_text_is_spoken_once(prompts: Prompts, speech: FakeSpeech) -> None:
    first = await prompts.media(Say("Dzień dobry", "pl"))
    assert await prompts.media(Say("Dzień dobry", "pl")) == first
    assert await prompts.media(Say("Dzień dobry", "en")) != first
    assert speech.said == [("pl", "Dzień dobry"), ("en", "Dzień dobry")]
    assert path_of(first[0]).read_bytes() == "RIFFDzień dobry".encode()


async def test_a_pbx_of_another_user_reads_them(prompts: Prompts) -> None:
    before = os.umask(0o077)  # the service's
    try:
        path = path_of((await prompts.media(Say("Hello", "en")))[0])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


async def test_digits_are_read_one_by_one_and_never_lie_there_as_a_whole(
    prompts: Prompts, speech: FakeSpeech
) -> None:
    media = await prompts.media(Digits("601*1#", "pl"))
    assert len(media) == 6
    assert media[2] == media[4]
    assert [text for _, text in speech.said] == ["6", "0", "1", "gwiazdka", "krzyżyk"]
    assert not any("601" in text for _, text in speech.said)


async def test_numbers_and_sounds(prompts: Prompts, speech: FakeSpeech) -> None:
    await prompts.media(Number(123, "en"))
    assert speech.said == [("en", "123")]
    assert await prompts.media(Sound("custom/hello")) == ("sound:custom/hello",)


async def test_a_pbx_elsewhere_fetches_them(speech: FakeSpeech, tmp_path: Path) -> None:
    prompts = Prompts(speech, tmp_path, "http://192.0.2.1:8080/ivr/prompts", b"k" * 32)
    (medium,) = await prompts.media(Say("Hello", "en"))
    base, _, name = medium.rpartition("/")
    assert base == "sound:http://192.0.2.1:8080/ivr/prompts"
    assert await prompts.read(name) == b"RIFFHello"


async def test_a_pbx_does_not_wait_for_what_others_have_spoken(speech: FakeSpeech, tmp_path: Path) -> None:
    prompts = Prompts(speech, tmp_path, "http://192.0.2.1:8080/ivr/prompts", b"k" * 32)
    (medium,) = await prompts.media(Say("Hello", "en"))
    ends = threading.Event()
    speech.speak = lambda *_: b"RIFF" if ends.wait(10) else b""  # type: ignore[method-assign]
    speaking = [asyncio.create_task(prompts.media(Say(str(n), "en"))) for n in range(2 * module.AT_ONCE)]
    try:
        assert await asyncio.wait_for(prompts.read(medium.rpartition("/")[2]), 2) == b"RIFFHello"
        assert not any(task.done() for task in speaking)
    finally:
        ends.set()
        await asyncio.gather(*speaking)


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "x.wav", "0" * 32, f"{'0' * 32}.wav", ""])
async def test_nothing_else_is_read(prompts: Prompts, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.wav").write_bytes(b"secret")
    await prompts.media(Say("Hello", "en"))
    assert await prompts.read(name) is None


async def test_names_tell_nothing_to_who_lacks_the_key(speech: FakeSpeech, tmp_path: Path) -> None:
    names = {
        (await Prompts(speech, tmp_path, "", key * 32).media(Say("4711", "en")))[0] for key in (b"a", b"b")
    }
    assert len(names) == 2


async def test_what_nobody_uses_goes(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    paths = [path_of((await prompts.media(Say(text, "en")))[0]) for text in ("old", "one", "two", "three")]
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (time.time() - age,) * 2)
    os.utime(paths[0], (time.time() - module.UNUSED - 60,) * 2)
    stranger = paths[0].with_name("notes.txt")
    stranger.touch()
    await prompts.tidy()
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert stranger.exists()
    assert await prompts.media(Say("old", "en"))  # spoken anew


async def test_using_a_sound_keeps_it(prompts: Prompts) -> None:
    (medium,) = await prompts.media(Say("Hello", "en"))
    os.utime(path_of(medium), (1, 1))
    await prompts.media(Say("Hello", "en"))
    await prompts.tidy()
    assert path_of(medium).exists()


async def test_a_folder_that_cannot_be_written_is_named(speech: FakeSpeech, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpeechError, match=r"ivr\.prompts"):
        await Prompts(speech, tmp_path / "file" / "prompts", "", b"k" * 32).media(Say("Hello", "en"))


def test_without_a_program_nothing_is_said() -> None:
    with pytest.raises(SpeechError, match="apt-get install no-such-speech"):
        SpokenBy("no-such-speech", "sox").speak("Hello", "en")
    with pytest.raises(SpeechError, match=r"ivr\.speech is empty"):
        Speechless().speak("Hello", "en")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "failed: 3"),
        ("echo no such voice >&2; exit 1", "failed: no such voice"),
        ("cat >/dev/null", "no sound came of it"),
    ],
)
def test_a_program_that_fails_is_told(tmp_path: Path, script: str, reason: str) -> None:
    program = tmp_path / "speech"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    copies = tmp_path / "sox"
    copies.write_text('#!/bin/sh\n: >"$9"\n')
    copies.chmod(0o755)
    with pytest.raises(SpeechError, match=reason):
        SpokenBy(str(program), str(copies)).speak("Hello", "xx")


def test_what_is_said_is_never_an_argument(tmp_path: Path) -> None:
    """`$(id)`, `-f /etc/passwd`: a customer's text reaches the program on its input alone."""
    program = tmp_path / "speech"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\ncat >{tmp_path}/input\nexit 1\n')
    program.chmod(0o755)
    with pytest.raises(SpeechError):
        SpokenBy(str(program), "sox").speak("-f /etc/passwd $(id) `id` [[x]] [[[y]]]", "en")
    assert "passwd" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "input").read_text() == "-f /etc/passwd $(id) `id` [ [x]] [ [ [y]]]"


def test_no_room_to_work_in_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(SpeechError, match="no room to work in"):
        SpokenBy("espeak-ng", "sox").speak("Hello", "en")

"""Spoken texts, made by espeak-ng, and how well they were understood."""

from __future__ import annotations

import io
import re
import subprocess
import wave
from functools import cache

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from tests.setup import espeak

Sound = NDArray[np.int16]
RATE = 16_000
LECTURE = """
Good morning everybody, and welcome to the third lecture of this course. Today we want to talk about binary
search trees, and about the reasons why they are so useful in practice. A tree consists of nodes, and every node
holds a key and has at most two children. All keys in the left part are smaller than the key of the node, and all
keys in the right part are larger. To find a key, we begin at the root and compare. If the key is smaller, we go
to the left, otherwise we go to the right. The time that this takes depends on the height of the tree. In a
balanced tree with one million keys, we need only about twenty steps. In the worst case, however, the tree looks
like a list, and then the search is slow. Next week we will see how rotations keep the tree balanced after every
insertion. Please read chapter five before then, and bring your questions to the exercise on Thursday afternoon.
"""
NUMBERS = {"5": "five", "20": "twenty"}


@cache
def spoken(text: str, voice: str = "en-us+f2") -> Sound:
    """The text as a voice says it, 16 kHz."""
    assert espeak.find(), "espeak-ng is missing: python -m tests.setup.espeak"
    argv = [espeak.find(), "-v", voice, "-s", "150", "-g", "2", "--stdout", " ".join(text.split())]
    said = subprocess.run(argv, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(said)) as file:
        rate, data = file.getframerate(), file.readframes(2**30)
    resampler = rtc.AudioResampler(rate, RATE, quality=rtc.AudioResamplerQuality.HIGH)
    frame = rtc.AudioFrame(data, rate, 1, len(data) // 2)
    made = [np.frombuffer(one.data, np.int16) for one in (*resampler.push(frame), *resampler.flush())]
    return np.concatenate(made)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), np.int16)


def without_pauses(sound: Sound, longest: float = 0.06) -> Sound:
    """The same from somebody who never takes breath."""
    size = RATE // 50
    whole = sound[: len(sound) // size * size].reshape(-1, size)
    is_loud = np.abs(whole).max(axis=1) > 300
    quiet, kept = 0, []
    for window, loud in zip(whole, is_loud, strict=True):
        quiet = 0 if loud else quiet + 1
        if quiet * size / RATE <= longest:
            kept.append(window)
    return np.concatenate(kept)


def frames(sound: Sound, size: int = RATE // 20) -> list[rtc.AudioFrame]:
    """The sound in pieces as they come from a room."""
    parts = (sound[at : at + size] for at in range(0, len(sound), size))
    return [rtc.AudioFrame(part.tobytes(), RATE, 1, len(part)) for part in parts]


def word_errors(said: str, understood: str) -> float:
    """Words that are wrong, missing or too many, as part of those that were said."""
    ours, theirs = _words(said), _words(understood)
    row = list(range(len(theirs) + 1))
    for place, word in enumerate(ours, 1):
        before, row = row, [place] + [0] * len(theirs)
        for other, heard in enumerate(theirs, 1):
            row[other] = min(before[other] + 1, row[other - 1] + 1, before[other - 1] + (word != heard))
    return row[-1] / len(ours)


def _words(text: str) -> list[str]:
    return [NUMBERS.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower())]

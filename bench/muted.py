"""Students with a muted microphone, in a process of their own.

Reads who comes from stdin, a JSON list of what the door gave each; says ``in`` when all are, and stays
until stdin ends.
"""

from __future__ import annotations

import json
import sys

from tests.plugins.ai_assistant.agent.conftest import Person


def main() -> None:
    people = []
    for given in json.loads(sys.stdin.readline()):
        person = Person(given["livekit_url"], given["token"], given["identity"])
        person.connect(60, auto_subscribe=False)
        person.open_microphone(muted=True)
        people.append(person)
    print("in", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

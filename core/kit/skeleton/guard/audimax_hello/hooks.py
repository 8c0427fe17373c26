"""What Audimax asks this plugin."""

from collections.abc import Mapping, Sequence

from audimax_hello.settings import RoomSettings, Settings
from core.api import JoinRequest, Room, Verdict, hookimpl, room_settings, settings


@hookimpl
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:
    domain = room_settings(room, RoomSettings).domain.strip().lower()
    if not domain:
        return {}
    return {join.key: refusal(domain) for join in joins if not belongs(join, domain)}


def belongs(join: JoinRequest, domain: str) -> bool:
    """Whether they have an account with a verified address there."""
    return (join.email or "").lower().endswith(f"@{domain}")


def refusal(domain: str) -> Verdict:
    contact = settings(Settings).contact
    words = f"This lecture is for people with an address of {domain}: sign in with yours."
    return Verdict.deny(f"{words} Questions: {contact}." if contact else words)

"""How often the doors of an account may be tried."""

from __future__ import annotations

from core.http.security import client_address
from core.http.tries import Tries

# A password is guessed against one account, from one address or from many, or one password against many.
SIGN_IN_HERE = Tries("sign-in-here", "10 per 15 minute")
SIGN_IN_ACCOUNT = Tries("sign-in-account", "50 per hour")
SIGN_IN_ADDRESS = Tries("sign-in-address", "100 per 15 minute")
# Each sends a mail: neither a mailbox nor our sender's name may suffer.
MAILS_FROM = Tries("mails-from", "30 per hour")
MAILS_TO = Tries("mails-to", "5 per hour")
LINKS = Tries("links", "60 per 15 minute")
PASSWORD_AGAIN = Tries("password-again", "10 per 15 minute")


def take_sign_in(email: str) -> None:
    """Before a password is looked at."""
    SIGN_IN_ADDRESS.take(client_address())
    SIGN_IN_HERE.take(email, client_address())
    SIGN_IN_ACCOUNT.take(email)


def give_back_sign_in(email: str) -> None:
    """It was right. The address's own count stays, or one account would open it for guessing others."""
    SIGN_IN_HERE.give_back(email, client_address())
    SIGN_IN_ACCOUNT.give_back(email)


def take_mail(email: str) -> None:
    """Before a mail is sent because somebody typed an address."""
    MAILS_FROM.take(client_address())
    MAILS_TO.take(email)

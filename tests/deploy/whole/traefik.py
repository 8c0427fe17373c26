"""Traefik itself, where it is on PATH: with the command and the routes of the compose file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deploy.whole.authority import Certificate
from tests.deploy.whole.nginx import Place
from tests.deploy.whole.programs import Program, environment, listens

# There is nobody here who could issue certificates: it is given ours.
OF_ACME = ("--certificatesResolvers.", "--entryPoints.public.http.tls.certResolver=")
RESOLVER = "certResolver: letsencrypt"


def found() -> str:
    return shutil.which("traefik") or ""


def program(
    command: Sequence[str],
    said: Mapping[str, str],
    files: Mapping[str, str],
    folder: Path,
    place: Place,
    made: Certificate,
) -> Program:
    """Traefik with these files of routes, and with certificates of ours."""
    own = folder / "traefik"
    own.mkdir(exist_ok=True)
    for name, text in files.items():
        (own / name).write_text(text.replace(RESOLVER, "{}"))
    pair = {"certFile": str(made.chain), "keyFile": str(made.key)}
    given = {"certificates": [pair], "stores": {"default": {"defaultCertificate": pair}}}
    (own / "certificates.yaml").write_text(json.dumps({"tls": given}))
    argv = [found(), *(_moved(option, own, place) for option in command if not option.startswith(OF_ACME))]
    argv.append("--entryPoints.public.http.tls=true")
    variables = environment("", said, own)
    return Program("traefik", argv, variables, folder, lambda: listens(place.address, place.public), cwd=own)


def _moved(option: str, own: Path, place: Place) -> str:
    name, _sign, value = option.partition("=")
    places = {
        "/etc/traefik/dynamic": str(own),
        "127.0.0.1:8082": f"{place.address}:8082",
        ":80": f"{place.address}:{place.plain}",
        ":443": f"{place.address}:{place.public}",
    }
    return f"{name}={places.get(value, value)}"

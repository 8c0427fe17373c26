"""Packages of Debian for tests, where that is what this machine has and we may install."""

from __future__ import annotations

import os
import shutil
import subprocess


def install(package: str, name: str) -> bool:
    """Whether it is installed now."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"setting up: {name} …", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    ask = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    for argv in (["apt-get", "update", "-qq"], ask):
        if subprocess.run(argv, env=env, stdout=subprocess.DEVNULL).returncode:
            return False
    return True

"""Plugins that exist for one test only."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.contracts import Plugin
from core.engine import plugins as loader
from core.engine.plugins import Installed
from core.hookspecs import hookimpl


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """``install("x", admit=function)``: as if pip had installed a package with these hooks."""
    known = dict(loader.installed())
    monkeypatch.setattr(loader, "installed", lambda: known)

    def put(name: str, *, manifest: dict[str, Any] | None = None, source: str = "", **hooks: Any) -> Path:
        package, folder = f"fake_{name}", tmp_path / name
        folder.mkdir(exist_ok=True)
        module = types.ModuleType(package)
        module.__file__, module.__path__ = str(folder / "__init__.py"), [str(folder)]
        facts = {"name": name, "title": name.title(), "requires_core": ">=0.1", **(manifest or {})}
        module.plugin = Plugin(**facts)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, package, module)
        monkeypatch.delitem(sys.modules, f"{package}.hooks", raising=False)
        if source:
            (folder / "hooks.py").write_text(source)
        else:
            made = types.ModuleType(f"{package}.hooks")
            marked = {hook: function if hasattr(function, "audimax_impl") else hookimpl(function)
                      for hook, function in hooks.items()}  # fmt: skip
            made.__dict__.update(marked)
            monkeypatch.setitem(sys.modules, f"{package}.hooks", made)
        known[name] = [Installed(name, package, "1.0", package)]
        return folder

    return put

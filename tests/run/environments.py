"""Python packages that tests use as somebody else's program: environments kept in the cache, made when they are missing."""
import os
import pathlib
import subprocess

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "equal"


def python_with(name, *packages):
    """The interpreter of environment `name` with `packages` from PyPI."""
    folder = CACHE / f"venv-tests-{name}"
    ready = folder / ("ready-" + "-".join(packages)).replace("/", "_")
    if not ready.exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
        if packages:
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return folder / "bin" / "python"

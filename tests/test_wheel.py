"""One wheel holds everything: each source file, whatever its kind, and the native engine. It works on the
newest Python, whichever it was built with.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.side_by_side import outside

ROOT = Path(__file__).resolve().parent.parent
NEWEST = ROOT / "build" / "roots" / "sid"
PYTHON = "/usr/bin/python3"
PIP = [sys.executable, "-m", "pip"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It, made of this checkout by the interpreter of these tests."""
    folder = tmp_path_factory.mktemp("wheel")
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    build = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, env=os.environ | {"PATH": tools})
    [made] = folder.glob("trunkline-*-abi3-*.whl")
    return made


@pytest.fixture
def newest_debian() -> Iterator[Path]:
    """An empty folder in the chroot of Debian's next release."""
    if not (NEWEST / PYTHON.lstrip("/")).exists() or os.geteuid() != 0:
        reason = f"no Python in {NEWEST}: tools/machine test makes it, as root"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(dir=NEWEST / "srv", prefix="trunkline-") as folder:
        yield Path(folder)


@pytest.mark.timeout(600)
def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "src"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    tracked = {name.removeprefix("src/") for name in listed.stdout.split("\0") if name}
    assert tracked - packed == set()
    assert "trunkline/_native.abi3.so" in packed
    assert {name.split("/")[0] for name in packed} == {"trunkline"}


@pytest.mark.timeout(600)
def test_demo_on_the_newest_python(wheel: Path, newest_debian: Path) -> None:
    def inside(*arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its Python, with a /proc that goes when it ends."""
        mount = 'mount -t proc proc "$1/proc" && exec chroot "$@"'
        environment = {
            "PYTHONPATH": f"/srv/{newest_debian.name}",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        command = ["unshare", "--mount", "sh", "-c", mount, "-", str(NEWEST), PYTHON, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    version = inside("-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    kind = ["--implementation", "cp", "--python-version", version, "--only-binary", ":all:"]
    install = [*PIP, "install", "--quiet", "--target", str(newest_debian), *kind, str(wheel)]
    subprocess.run(outside(install), check=True)

    demo = inside("-c", "from trunkline.cli import main; main()", "demo")

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "every end heard the other one's tone" in demo.stdout

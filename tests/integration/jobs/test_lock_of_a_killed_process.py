from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ros_sync.errors import DatabaseBusyError
from ros_sync.jobs.lock import DatabaseLock

HOLD = """
import sys
from ros_sync.jobs.lock import DatabaseLock
with DatabaseLock(sys.argv[1], command="ros-sync serve"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_dies_with_its_process(tmp_path: Path) -> None:
    """While another process holds the lock we are refused; once it is killed outright, the lock is ours."""
    url = f"sqlite:///{tmp_path / 'ros-sync.db'}"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DatabaseBusyError, match=rf"process {holder.pid} \(ros-sync serve\)"), DatabaseLock(url):
            pass
        holder.kill()
        holder.wait()
        with DatabaseLock(url) as lock:
            assert lock.path == tmp_path / "ros-sync.db.lock"

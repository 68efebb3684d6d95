"""How many threads compute: what may be asked for, cores, and limits of control groups."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from embedpipe.engine import threads as module
from embedpipe.engine.cpu_quota import cpu_quota
from embedpipe.engine.threads import check_threads, default_threads
from embedpipe.errors import ParameterError

V1 = "30 23 0:28 {mounted} /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,{of}"
V2 = "31 23 0:29 {mounted} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
NO_LIMIT = "max 100000"


@pytest.mark.parametrize("threads", [0, -1, 1025, 10_000, True, 1.5, "2"])
def test_an_impossible_number_of_threads_is_refused(threads: Any) -> None:
    with pytest.raises(ParameterError, match="expected a whole number from 1 to 1024"):
        check_threads(threads)


def test_threads_default_to_the_cores_of_this_process() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= default_threads() <= (cores or 1)
    assert check_threads(None) == default_threads()


@pytest.mark.parametrize(("quota", "threads"), [(None, 8), (0.2, 1), (2.5, 3), (4.0, 4), (99, 8)])
def test_a_quota_cuts_the_cores(
    quota: float | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(module, "cpu_quota", lambda: quota)
    assert default_threads() == threads


def system(root: Path, groups: str, mounts: list[str], limits: dict[str, str]) -> Path:
    """A file system below `root`: what the process is in, what is mounted, and files of limits.

    A limit of two numbers below the mounts of version 1 stands in two files.
    """
    process = root / "proc/self"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(groups)
    (process / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + "\n".join(mounts))
    for group, limit in limits.items():
        folder = root / "sys/fs/cgroup" / group
        folder.mkdir(parents=True, exist_ok=True)
        if group.startswith("cpu,cpuacct"):
            quota, period = limit.split()
            (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
            (folder / "cpu.cfs_period_us").write_text(f"{period}\n")
        else:
            (folder / "cpu.max").write_text(f"{limit}\n")
    return root


@pytest.mark.parametrize(
    ("path", "limits", "expected"),
    [
        # systemd: CPUQuota of the service, or of the slice above it; the tightest one holds
        ("/a.slice/b.service", {"a.slice": NO_LIMIT, "a.slice/b.service": "150000 100000"}, 1.5),
        ("/a.slice/b.service", {"a.slice": "200000 100000", "a.slice/b.service": NO_LIMIT}, 2.0),
        ("/a.slice/b.service", {"a.slice": "50000 100000", "a.slice/b.service": "3000 1000"}, 0.5),
        # another group's limit is none of ours
        ("/a.slice/b.service", {"c.slice": "100000 100000", "a.slice": NO_LIMIT}, None),
        # a container with a namespace of its own sees its group as the root
        ("/", {"": "400000 100000"}, 4.0),
        # a process that was moved out of its namespace sees a way up, which it cannot follow
        ("/../other", {"": "300000 100000", "other": "100000 100000"}, 3.0),
        ("/a", {"": "nonsense", "a": "0 0"}, None),
    ],
)
def test_version_2_is_read_from_the_own_group_upwards(
    tmp_path: Path, path: str, limits: dict[str, str], expected: float | None
) -> None:
    root = system(tmp_path, f"0::{path}\n", [V2.format(mounted="/")], limits)
    assert cpu_quota(root) == expected


@pytest.mark.parametrize(
    ("path", "mounted", "limits", "expected"),
    [
        # Slurm: the job's limit holds for its steps
        ("/slurm/job_7/step_0", "/", {"/slurm/job_7": "600000 100000"}, 6.0),
        ("/slurm/job_7/step_0", "/", {"/slurm": "-1 100000", "": "-1 100000"}, None),
        # a container without a namespace sees its group by its full name, but only its part
        ("/docker/1f", "/docker/1f", {"": "250000 100000"}, 2.5),
        ("/docker/1f/inner", "/docker/1f", {"/inner": "100000 100000", "": "250000 100000"}, 1.0),
        # another container's part is mounted: what is there is all that can be seen
        ("/docker/1f", "/docker/2e", {"": "250000 100000"}, 2.5),
    ],
)
def test_version_1_is_read_from_the_own_group_upwards(
    tmp_path: Path, path: str, mounted: str, limits: dict[str, str], expected: float | None
) -> None:
    groups = f"7:memory:/elsewhere\n4:cpu,cpuacct:{path}\n"
    mounts = [V1.format(mounted=mounted, of="cpu,cpuacct")]
    limits = {f"cpu,cpuacct{group}": limit for group, limit in limits.items()}
    assert cpu_quota(system(tmp_path, groups, mounts, limits)) == expected


def test_both_versions_beside_each_other_count(tmp_path: Path) -> None:
    mounts = [
        V1.format(mounted="/", of="cpu,cpuacct"),
        V1.format(mounted="/", of="memory").replace("cpu,cpuacct rw", "memory rw"),
        V2.format(mounted="/").replace("/sys/fs/cgroup ", r"/sys/fs/cgroup/both\040of\040them "),
    ]
    limits = {"cpu,cpuacct/a": "200000 100000", "both of them/b": "100000 100000"}
    root = system(tmp_path, "4:cpu,cpuacct:/a\n0::/b\n", mounts, limits)
    assert cpu_quota(root) == 1.0


def test_no_control_groups_or_files_that_make_no_sense_mean_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert cpu_quota(system(tmp_path / "odd", "x\n:\n0:\n", ["- -", "cgroup"], {})) is None

"""`make audit`: does a known hole sit in what we depend on?

Asks OSV (osv.dev), which holds PyPA's and RustSec's advisories, about every distribution that is installed
beside this interpreter and every crate of native/Cargo.lock. Fails on an advisory that tools/advisories.toml
doesn't except with a reason and a day until which it holds. When OSV can't be reached, says so and succeeds:
no network is no hole. Takes `LONGEST_S` at most.
"""  # noqa: INP001 - a program, not a package

import datetime as dt
import json
import os
import signal
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "tools" / "advisories.toml"
SERVICE = "https://api.osv.dev"
ANSWER_S = 15
LONGEST_S = 60
AT_ONCE = 500
"""OSV takes a thousand questions in a request."""
OURS = "trunkline"


class Dependency(NamedTuple):
    """One package in one version."""

    ecosystem: str
    """`PyPI` or `crates.io`."""
    name: str
    version: str


def dependencies() -> list[Dependency]:
    """What is installed, and what the lock names; our own packages left out."""
    found = {Dependency("PyPI", each.name, each.version) for each in distributions()}
    lock = tomllib.loads((ROOT / "native" / "Cargo.lock").read_text())
    found |= {Dependency("crates.io", each["name"], each["version"]) for each in lock["package"]}
    return sorted(each for each in found if each.name.partition("-")[0] != OURS)


def advisories(asked: list[Dependency], service: str) -> Iterator[tuple[Dependency, str]]:
    """The ids of the advisories for each. Raises `OSError` or `ValueError` when there is no proper answer."""
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        queries = [
            {"package": {"name": each.name, "ecosystem": each.ecosystem}, "version": each.version}
            for each in some
        ]
        request = urllib.request.Request(  # noqa: S310 - https, or a test's own service
            f"{service}/v1/querybatch",
            json.dumps({"queries": queries}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310
            results = json.load(answer)["results"]
        for each, result in zip(some, results, strict=True):
            yield from ((each, str(one["id"])) for one in result.get("vulns", ()))


def excepted(today: dt.date) -> set[str]:
    """The ids that don't count. Raises `ValueError` for one without a reason, or whose day has passed."""
    ids = set()
    for entry in tomllib.loads(EXCEPTIONS.read_text()).get("exception", ()):
        if not entry.get("reason"):
            raise ValueError(f"{entry['id']} has no reason")
        if entry["until"] < today:
            raise ValueError(f"the exception of {entry['id']} ended on {entry['until']}: look at it again")
        ids.add(entry["id"])
    return ids


def main() -> int:
    """0: nothing is known, or nobody could be asked. 1: something is known. 2: the exceptions are wrong."""

    def too_long(_number: int, _frame: Any) -> None:
        raise TimeoutError(f"no answer within {LONGEST_S} s")

    service = os.environ.get("OSV_SERVICE", SERVICE)
    asked = dependencies()
    try:
        allowed = excepted(dt.datetime.now(dt.UTC).date())
    except ValueError as error:
        return told(2, f"{EXCEPTIONS.relative_to(ROOT)}: {error}")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST_S)
    try:
        found = [(each, name) for each, name in advisories(asked, service) if name not in allowed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return told(0, f"NOT AUDITED: {service} can't be asked about {len(asked)} dependencies ({error})")
    finally:
        signal.alarm(0)
    for each, name in found:
        told(1, f"{each.name} {each.version} ({each.ecosystem}): {name}, https://osv.dev/{name}")
    if found:
        return told(1, "take a version without it, or except it in tools/advisories.toml with a reason")
    return told(0, f"{len(asked)} dependencies, no known hole; {len(allowed)} exceptions")


def told(status: int, text: str) -> int:
    """Say it; the status."""
    sys.stdout.write(f"audit: {text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())

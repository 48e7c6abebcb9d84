"""A load of writes and reads from several clients, who remember what was acknowledged and what was under way at the end."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from random import Random
from typing import Any

from flows.client import Client, Reply

GONE = ""
SYSTEM = "http://load.example/number"


@dataclass
class Known:
    """A resource as its client knows it: the version and the name that it has, GONE when it was deleted."""

    version: int = 0
    name: str = GONE


@dataclass
class Writer:
    """One client: every resource is written by one client only, so that it knows what must be there."""

    client: Client
    label: str
    random: Random
    known: dict[str, Known] = field(default_factory=dict)
    pending: dict[str, Known] = field(default_factory=dict)
    """What will be there if the request under way is carried out; {} when none is."""
    requests: list[str] = field(default_factory=list)
    refusals: list[Reply] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, stop: threading.Event) -> None:
        """Write and read until ``stop``, or until the server is gone."""
        while not stop.is_set():
            act = self.random.choice([*[self.put] * 3, self.delete, self.conditional, self.transaction, self.team, self.look])
            try:
                act()
            except (OSError, HTTPException):
                return

    def put(self) -> None:
        self.write({f"Location/{self.label}-{self.random.randrange(20)}": self.name()})

    def look(self) -> None:
        """Read something, there or not: what is answered is in the record."""
        reply = self.client.get(f"Location/{self.label}-{self.random.randrange(20)}")
        if reply.status >= 500:
            self.refusals.append(reply)
            raise HTTPException
        self.requests.append(reply.headers["x-request-id"])

    def delete(self) -> None:
        there = [path for path, known in self.known.items() if known.name != GONE]
        if there:
            path = self.random.choice(there)
            self.pending = {path: Known(self.known[path].version + 1, GONE)}
            self.take(self.client.request("DELETE", path))

    def team(self) -> None:
        """Write a team, whose members are kept apart from the index."""
        path = f"CareTeam/{self.label}-team"
        member = {"member": {"reference": f"Practitioner/{self.random.randrange(50)}"}}
        name = self.name()
        self.pending = {path: Known(self.known.get(path, Known()).version + 1, name)}
        team = {"status": "active", "subject": {"reference": "Patient/x"}, "participant": [member], "name": name}
        self.take(self.client.put({"resourceType": "CareTeam", "id": path.partition("/")[2], **team}))

    def transaction(self) -> None:
        name = self.name()
        self.write({f"Location/{self.label}-t{number}": name for number in self.random.sample(range(6), 3)})

    def conditional(self) -> None:
        """Create what is not there yet, under an identifier; its id is found out afterwards."""
        name = self.name()
        place = {"resourceType": "Location", "name": name, "identifier": [{"system": SYSTEM, "value": name}]}
        criteria = f"identifier={SYSTEM}|{name}"
        self.pending = {criteria: Known(1, name)}
        reply = self.client.request("POST", "Location", place, If_None_Exist=criteria)
        if reply.status == 201:
            self.pending = {f"Location/{reply.json['id']}": Known(1, name)}
        self.take(reply)

    def write(self, names: dict[str, str]) -> None:
        """Put one place, or several in one transaction."""
        self.pending = {path: Known(self.known.get(path, Known()).version + 1, name) for path, name in names.items()}
        places = [{"resourceType": "Location", "id": path.partition("/")[2], "name": name} for path, name in names.items()]
        if len(places) == 1:
            self.take(self.client.put(places[0]))
            return
        entries = [{"resource": one, "request": {"method": "PUT", "url": f"Location/{one['id']}"}} for one in places]
        self.take(self.client.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}))

    def name(self) -> str:
        return f"{self.label}n{next(self.numbers)}"

    def take(self, reply: Reply) -> None:
        """Learn from an answer: all of the request is there; a refusal that says nothing leaves it under way."""
        if reply.status < 300:
            self.known |= self.pending
            self.requests.append(reply.headers["x-request-id"])
            self.pending = {}
            return
        self.refusals.append(reply)
        if reply.status < 500:
            self.pending = {}
            return
        raise HTTPException

    def settle(self) -> list[str]:
        """Compare all that is known with the server, learn what became of the request under way, and name what is wrong."""
        faults = [
            f"{path}: {found} instead of {known}"
            for path, known in self.known.items()
            if (found := self.read(path)) != known and path not in self.pending
        ]
        faults += self._settle_pending()
        self.pending = {}
        return faults

    def _settle_pending(self) -> list[str]:
        found = {path: self.read(path) for path in self.pending}
        before = {path: self.known.get(path, Known()) for path in self.pending}
        if found == self.pending:
            self.known |= {path: known for path, known in found.items() if "?" not in path and "=" not in path}
            return []
        return [] if found == before else [f"in part: {found}, between {before} and {self.pending}"]

    def read(self, path: str) -> Known:
        if "=" in path:
            found = self.client.get(f"Location?{path}").resources
            assert len(found) <= 1, found
            return known_of(found[0]) if found else Known()
        reply = self.client.get(path)
        if reply.status == 410:
            history = json.loads(self.client.get(f"{path}/_history?_count=1").body)
            return Known(int(history["entry"][0]["response"]["etag"].strip('W/"')), GONE)
        return known_of(reply.json) if reply.status == 200 else Known()


def known_of(resource: dict[str, Any]) -> Known:
    return Known(int(resource["meta"]["versionId"]), resource["name"])


def writers(client: Client, run: str, how_many: int) -> list[Writer]:
    return [Writer(client, f"{run}w{number}", Random(f"{run}{number}")) for number in range(how_many)]


def start(everybody: list[Writer], stop: threading.Event) -> list[threading.Thread]:
    threads = [threading.Thread(target=writer.run, args=(stop,)) for writer in everybody]
    for thread in threads:
        thread.start()
    return threads

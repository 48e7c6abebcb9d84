from dataclasses import replace

from invented import Run, Thing, created, deleted, grant, put, updated

from fhir_server.search.rows import key
from fhir_server.search.tree import And, Date, Everything, LastUpdated, MemberOf, Nothing, Query, ReferenceTo, Sort, Text, Token
from fhir_server.search.values import normalise
from fhir_server.storage.repository import Repository

FIRST = Thing("one", sort=5, tokens=(("status", "open", "s"),), body=b'{"resourceType":"Task","value":1.00}')
SECOND = Thing("one", sort=6, tokens=(("status", "closed", "s"),), updated=2_000_000, body=b'{"resourceType":"Task","value":2.0}')


def test_what_was_put_is_what_is_read(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        stored = await repository.read(grant(), "Task", "one")
        assert stored is not None
        assert (stored.type, stored.id, stored.version, stored.updated) == ("Task", "one", 1, 1_000_000)
        assert (stored.body, stored.deleted, stored.visible, stored.sort) == (FIRST.body, False, True, 5)

    run(body)


def test_an_id_never_used_is_not_there(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        assert await repository.read(grant(), "Task", "two") is None
        assert await repository.read(grant("Patient"), "Patient", "one") is None
        assert await repository.vread(grant(), "Task", "one", 2) is None

    run(body)


def test_a_read_outside_the_grant_tells_version_and_nothing_more(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        for where in (Nothing(), Token("status", "closed"), Token("status", "open", "other")):
            stored = await repository.read(grant(where=where), "Task", "one")
            assert stored is not None
            assert (stored.visible, stored.body, stored.version) == (False, b"", 1)
        within = await repository.read(grant(where=Token("status", "open", "s")), "Task", "one")
        assert within is not None
        assert (within.visible, within.body) == (True, FIRST.body)

    run(body)


def test_versions_stay_readable_and_the_current_one_decides_who_sees_them(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        await repository.commit([grant()], [updated(FIRST, SECOND)], ())
        old, new = [await repository.vread(grant(), "Task", "one", version) for version in (1, 2)]
        assert old is not None
        assert new is not None
        assert (old.body, old.version, old.updated) == (FIRST.body, 1, 1_000_000)
        assert (new.body, new.version, new.updated) == (SECOND.body, 2, 2_000_000)
        hidden = await repository.vread(grant(where=Token("status", "open")), "Task", "one", 1)
        assert hidden is not None
        assert (hidden.visible, hidden.body) == (False, b"")

    run(body)


def test_a_deleted_resource_is_known_but_found_nowhere(run: Run) -> None:
    async def body(repository: Repository) -> None:
        kept = Thing("kept", sort=1, tokens=FIRST.tokens, dossier="Patient/1", texts=(("name", "jan", "Jan"),))
        gone = Thing("gone", sort=1, tokens=FIRST.tokens, dossier="Patient/1", texts=(("name", "jan", "Jan"),))
        await put(repository, kept, gone)
        await repository.commit([grant()], [deleted(gone)], ())
        stored = await repository.read(grant(), "Task", "gone")
        assert stored is not None
        assert (stored.deleted, stored.version, stored.body, stored.updated) == (True, 2, b"", 2_000_000)
        before = await repository.vread(grant(), "Task", "gone", 1)
        assert before is not None
        assert before.body == gone.body
        for where in (Everything(), Token("status", "open"), Text("name", "ja"), LastUpdated("gt", 0, 1)):
            for by in ("main", "_lastUpdated"):
                page = await repository.search(grant(), Query("Task", where, Sort(by)))
                assert [one.id for one in page.resources] == ["kept"]
        assert [one.id for one in await repository.fetch([grant()], ["Task/gone", "Task/kept"])] == ["kept"]

    run(body)


def test_a_deleted_resource_can_be_put_again(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        await repository.commit([grant()], [deleted(FIRST)], ())
        again = created(SECOND)
        again = type(again)(again.type, again.id, 2, again.updated, again.body, again.indexed)
        await repository.commit([grant()], [again], ())
        stored = await repository.read(grant(), "Task", "one")
        assert stored is not None
        assert (stored.version, stored.deleted, stored.body) == (3, False, SECOND.body)
        assert await repository.count(grant(), Query("Task", Token("status", "closed"))) == 1

    run(body)


def test_a_resource_is_found_by_the_key_of_its_reference(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        stored = await repository.find(grant(), key("Task/one"))
        assert stored == await repository.read(grant(), "Task", "one")
        assert await repository.find(grant(), key("Task/two")) is None
        assert await repository.find(grant("Patient"), key("Task/one")) is None
        assert await repository.read(grant("Patient"), "Task", "one") is None
        assert await repository.vread(grant("Patient"), "Task", "one", 1) is None
        hidden = await repository.find(grant(where=Nothing()), key("Task/one"))
        assert hidden is not None
        assert (hidden.visible, hidden.body) == (False, b"")

    run(body)


def test_fetch_answers_in_the_order_asked_each_type_under_its_grant(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *(Thing(name) for name in "abc"), Thing("p", "Patient"), Thing("q", "Patient"), Thing("x", "Consent"))
        grants = [grant(), grant("Patient", ReferenceTo("link", "Patient/none"))]
        found = await repository.fetch(
            grants, ["Task/c", "Patient/p", "Task/a", "Task/c", "Task/none", "Consent/x", "https://x/Task/b"]
        )
        assert [f"{one.type}/{one.id}" for one in found] == ["Task/c", "Task/a"]
        assert all(one.body for one in found)

    run(body)


def test_one_code_under_two_systems_is_one_hit(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("a", tokens=(("code", "x", "s"), ("code", "x", "t"))), Thing("b", tokens=(("code", "x", "s"),)))
        page = await repository.search(grant(), Query("Task", Token("code", "x")))
        assert [one.id for one in page.resources] == ["b", "a"]
        assert await repository.count(grant(), Query("Task", Token("code", "x"))) == 2

    run(body)


def test_a_long_period_is_found_by_a_lower_bound_after_its_start(run: Run) -> None:
    async def body(repository: Repository) -> None:
        year = 366 * 86_400 * 1_000_000
        await put(repository, Thing("long", sort=0, dates=(("date", 0, 5 * year),)))
        for prefix in ("gt", "ge"):
            query = Query("Task", Date("date", prefix, 3 * year, 3 * year + 1, main=True))
            assert await repository.count(grant(), query) == 1

    run(body)


def test_a_year_is_found_by_a_lower_bound_in_its_middle(run: Run) -> None:
    async def body(repository: Repository) -> None:
        day = 86_400 * 1_000_000
        await put(repository, Thing("year", sort=0, dates=(("date", 0, 366 * day),)))
        for prefix, middle, hits in (
            ("gt", 180, 1),
            ("ge", 180, 1),
            ("ge", 364, 1),
            ("gt", 365, 0),
            ("ge", 366, 0),
            ("sa", 180, 0),
        ):
            query = Query("Task", Date("date", prefix, middle * day, (middle + 1) * day, main=True, point=True))
            assert await repository.count(grant(), query) == hits, (prefix, middle)

    run(body)


def test_a_date_that_is_not_the_main_one_is_a_condition_too(run: Run) -> None:
    async def body(repository: Repository) -> None:
        owner = (("owner", "Practitioner/a"),)
        things = [
            Thing(f"t{number}", sort=10, references=owner, dates=(("main", 10, 11), ("due", due, due + 2)))
            for number, due in enumerate((5, 10, 15))
        ]
        await put(repository, *things)
        for prefix, low, names in (("lt", 6, ["t0"]), ("eq", 10, ["t1"]), ("ge", 10, ["t2", "t1"]), ("gt", 14, ["t2"])):
            where = And((ReferenceTo("owner", "Practitioner/a"), Date("due", prefix, low, low + 2)))
            page = await repository.search(grant(), Query("Task", where))
            assert [one.id for one in page.resources] == names, prefix
        late = replace(things[0], dates=(("main", 10, 11), ("due", 20, 22)))
        await repository.commit([grant()], [updated(things[0], late)], ())
        where = And((ReferenceTo("owner", "Practitioner/a"), Date("due", "lt", 6, 8)))
        assert await repository.count(grant(), Query("Task", where)) == 0

    run(body)


def test_no_page_at_all_is_still_counted(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        page = await repository.search(grant(), Query("Task", count=0))
        assert (list(page.resources), page.more) == ([], True)
        assert await repository.count(grant(), Query("Task", count=0)) == 1

    run(body)


def test_values_are_bound_never_read_as_sql(run: Run) -> None:
    nasty = ["' OR 1=1 --", '"; DROP TABLE resource; --', "$1", "?1", "%", "_", "\\", "\0", "{1,2}", "\x1f", "\u2028", "a\x1fb"]

    async def body(repository: Repository) -> None:
        await put(repository, FIRST)
        for text in nasty:
            for where in (Token("status", text), Token("status", text, text), Text("name", text), Text("name", text, "contains")):
                assert await repository.count(grant(), Query("Task", where)) == 0
            assert await repository.read(grant(), "Task", text) is None
            assert await repository.is_member(MemberOf((text,), 0), text) is False
        await put(repository, *(Thing(f"n{number}", texts=(("name", normalise(text), text),)) for number, text in enumerate(nasty)))
        for number, text in enumerate(nasty):
            page = await repository.search(grant(), Query("Task", Text("name", text, "exact")))
            assert [one.id for one in page.resources] == [f"n{number}"]

    run(body)


def test_ready_tells_that_the_database_answers(run: Run) -> None:
    async def body(repository: Repository) -> None:
        assert await repository.ready() is True
        await repository.close()
        assert await repository.ready() is False

    run(body)

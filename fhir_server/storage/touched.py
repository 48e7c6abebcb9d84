"""The triggers that keep ``touched`` in step with ``audit_event``: a line may name several dossiers, with blanks between them."""

from typing import Final

_LIST: Final = """'["' || replace(replace(replace({0}.dossier, '\\', '\\\\'), '"', '\\"'), ' ', '","') || '"]'"""
_NEW, _OLD = _LIST.format("new"), _LIST.format("old")
_SEVERAL: Final = "instr({0}.dossier, ' ') > 0"

# A list is taken apart as JSON. Nearly every line names one dossier at most, for which that would be half the cost of the line.
SQLITE: Final = (
    f"""CREATE TRIGGER audit_event_touches AFTER INSERT ON audit_event WHEN new.dossier <> '' AND NOT {_SEVERAL.format("new")} BEGIN
    INSERT OR IGNORE INTO touched (dossier, recorded, row) VALUES (new.dossier, new.recorded, new.row);
END""",
    f"""CREATE TRIGGER audit_event_touches_several AFTER INSERT ON audit_event
WHEN {_SEVERAL.format("new")} AND json_valid({_NEW}) BEGIN
    INSERT OR IGNORE INTO touched (dossier, recorded, row)
    SELECT value, new.recorded, new.row FROM json_each({_NEW}) WHERE value <> '';
END""",
    f"""CREATE TRIGGER audit_event_leaves AFTER DELETE ON audit_event WHEN old.dossier <> '' AND NOT {_SEVERAL.format("old")} BEGIN
    DELETE FROM touched WHERE dossier = old.dossier AND recorded = old.recorded AND row = old.row;
END""",
    f"""CREATE TRIGGER audit_event_leaves_several AFTER DELETE ON audit_event
WHEN {_SEVERAL.format("old")} AND json_valid({_OLD}) BEGIN
    DELETE FROM touched WHERE recorded = old.recorded AND row = old.row AND dossier IN (SELECT value FROM json_each({_OLD}));
END""",
)
POSTGRES: Final = (
    """CREATE FUNCTION audit_event_touches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO touched (dossier, recorded, row)
    SELECT d, l.recorded, l.row FROM line l CROSS JOIN unnest(string_to_array(l.dossier, ' ')) d WHERE d <> ''
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$""",
    """CREATE TRIGGER audit_event_touches AFTER INSERT ON audit_event REFERENCING NEW TABLE AS line
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_touches()""",
    """CREATE FUNCTION audit_event_leaves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM touched t USING line l CROSS JOIN unnest(string_to_array(l.dossier, ' ')) d
    WHERE t.dossier = d AND t.recorded = l.recorded AND t.row = l.row;
    RETURN NULL;
END $$""",
    """CREATE TRIGGER audit_event_leaves AFTER DELETE ON audit_event REFERENCING OLD TABLE AS line
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_leaves()""",
)

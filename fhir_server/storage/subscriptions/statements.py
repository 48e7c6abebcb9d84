"""The statements on events, subscriptions and deliveries, in the words of ``storage/scripted``."""

from typing import Final

SUBSCRIBE: Final = """INSERT INTO subscription AS s
 (id, subscriber, type, criteria, channel, endpoint, host, secret, status, ends, keeps, due, manner, heartbeat,
  error, told, turn, last, done, attempts, failing, holder, until)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $14, $15, '', 0, 0, 0, 0, 0, 0, '', 0)
 ON CONFLICT (id) DO UPDATE SET
 subscriber = CASE WHEN excluded.subscriber = '' THEN s.subscriber ELSE excluded.subscriber END,
 type = excluded.type, criteria = excluded.criteria, channel = excluded.channel, endpoint = excluded.endpoint,
 host = excluded.host, secret = excluded.secret, status = excluded.status, ends = excluded.ends, keeps = excluded.keeps,
 manner = excluded.manner, heartbeat = excluded.heartbeat,
 error = '', told = 0, turn = s.turn + 1, attempts = 0, failing = 0, holder = '', until = 0,
 done = CASE WHEN excluded.status = 'off' THEN s.last ELSE s.done END,
 due = CASE WHEN excluded.status = 'active' AND s.last > s.done AND excluded.channel <> 'websocket'
 THEN CAST($13 AS bigint) ELSE excluded.due END"""
AUDIENCE_TYPE: Final = "UPDATE subscription_audience SET type = $1 WHERE subscription = $2"
NO_AUDIENCE: Final = "DELETE FROM subscription_audience WHERE subscription = $1"
AUDIENCE: Final = (
    "INSERT INTO subscription_audience (key, type, subscription)"
    " SELECT CAST(u.value->>0 AS bigint), s.type, s.id FROM EACH($1) u CROSS JOIN subscription s WHERE s.id = $2"
)
NO_NOTICES: Final = "DELETE FROM delivery WHERE subscription = $1"

ANY_EVENT: Final = "SELECT 1 FROM event LIMIT 1"
EVENTS: Final = "SELECT number, type, id, version, updated, told FROM event ORDER BY number LIMIT $1"
PARTING: Final = "UPDATE event SET told = $1 WHERE type = $2 AND id = $3 AND version = $4"
LEASE_IS: Final = "INSERT INTO lease (name, holder, until) VALUES ($1, '', 0) ON CONFLICT (name) DO NOTHING"
LEASE: Final = "UPDATE lease SET holder = $1, until = $2 WHERE name = $3 AND (until <= $4 OR holder = $1) RETURNING name"
AT_WORK: Final = "at work "
"""Begins the names of the leases that say who works at all: a lock of the engine says whether that is so still."""
GIVEN_UP: Final = """UPDATE subscription SET holder = '', until = 0
 WHERE until > 0 AND ($1 = '' OR holder = $1 OR substr(holder, 1, length(CAST($1 AS text)) + 1) = CAST($1 AS text) || ' ')"""
"""A process names each of its claims "HOLDER NUMBER"."""
LEASE_ENDS: Final = "UPDATE lease SET until = 0 WHERE name = $1 AND holder = $2 AND until > $3 RETURNING name"

REACHED: Final = """SELECT found.place, s.id, s.criteria, s.subscriber FROM (
 WITH RECURSIVE reached(place, type, key, dossier) AS (
  SELECT CAST(u.value->>0 AS bigint), u.value->>1, CAST(u.value->>2 AS bigint), CAST(u.value->>3 AS bigint) FROM EACH($1) u
  UNION SELECT CAST(v.value->>0 AS bigint), v.value->>1, mate.member, 0 FROM EACH($2) v
  JOIN membership own ON own.member = CAST(v.value->>2 AS bigint) AND own.dossier <> CAST($3 AS bigint)
  JOIN membership mate ON mate.dossier = own.dossier
  UNION SELECT r.place, r.type, a.member, 0 FROM reached r JOIN membership a ON a.dossier = r.key
  WHERE r.dossier = 1 OR EXISTS (SELECT 1 FROM resource t WHERE t.self = r.key AND t.type = 'CareTeam'))
 SELECT DISTINCT r.place, a.subscription FROM reached r JOIN subscription_audience a ON a.key = r.key AND a.type = r.type) found
 JOIN subscription s ON s.id = found.subscription
 WHERE s.status IN ('requested', 'active', 'error') AND s.ends > $4 ORDER BY found.place, s.id"""
SUBSCRIBERS: Final = """SELECT s.id, s.criteria, s.subscriber FROM subscription s WHERE s.id IN (
 SELECT a.subscription FROM EACH($1) u JOIN subscription_audience a ON a.key = CAST(u.value->>0 AS bigint)) ORDER BY s.id"""

ADVANCE: Final = """UPDATE subscription SET last = last + many,
 due = CASE WHEN status = 'active' AND attempts = 0 AND channel <> 'websocket' THEN CAST($2 AS bigint) ELSE due END
 FROM (SELECT u.value->>0 AS who, CAST(u.value->>1 AS bigint) AS many FROM EACH($1) u) given
 WHERE id = who AND status IN ('requested', 'active', 'error') RETURNING id, last"""
NOTICES: Final = """INSERT INTO delivery (subscription, number, type, id, version, moment, gone)
 SELECT value->>0, CAST(value->>1 AS bigint), value->>2, value->>3, CAST(value->>4 AS bigint), CAST(value->>5 AS bigint),
 CAST(value->>6 AS bigint)
 FROM EACH($1)"""
FORGET_EVENTS: Final = "DELETE FROM event WHERE number IN (SELECT CAST(u.value->>0 AS bigint) FROM EACH($1) u)"

ANY_DUE: Final = "SELECT 1 FROM subscription WHERE due <= $1 AND until <= $1 LIMIT 1"
_CLAIMED: Final = "id, subscriber, channel, endpoint, host, secret, done, last, attempts, failing, status, manner, holder"
CLAIM: Final = f"""WITH free AS MATERIALIZED (
 SELECT id FROM subscription WHERE due <= $3 AND until <= $3 AND status IN ('requested', 'active')
 AND host NOT IN (SELECT u.value->>0 FROM EACH($4) u) ORDER BY due LIMIT $5 FOR UPDATE SKIP LOCKED)
 UPDATE subscription SET holder = $1, until = $2 WHERE id IN (SELECT id FROM free)
 RETURNING {_CLAIMED}"""
TAKE: Final = f"""UPDATE subscription SET holder = $1, until = $2
 WHERE id = $3 AND status = 'active' AND channel = 'websocket' RETURNING {_CLAIMED}"""
PENDING: Final = (
    "SELECT subscription, number, type, id, version, moment, gone FROM delivery"
    " WHERE subscription = $1 AND number > $2 ORDER BY number LIMIT $3"
)
DELIVERED: Final = """UPDATE subscription SET done = $1, attempts = 0, failing = 0, until = $2,
 told = CASE WHEN error = '' THEN told ELSE 0 END, turn = turn + 1, error = ''
 WHERE id = $3 AND holder = $4 AND status = 'active' RETURNING keeps"""
BOUND: Final = "SELECT id, holder, status, last FROM subscription WHERE id IN (SELECT u.value->>0 FROM EACH($1) u)"
ACTIVATED: Final = """UPDATE subscription SET status = 'active', error = '', told = 0, turn = turn + 1,
 attempts = 0, failing = 0, until = $1
 WHERE id = $2 AND holder = $3 AND status = 'requested' RETURNING id"""
FORGET_NOTICES: Final = "DELETE FROM delivery WHERE subscription = $1 AND number <= $2"
FAILED: Final = """UPDATE subscription SET attempts = attempts + 1,
 failing = CASE WHEN failing = 0 THEN CAST($3 AS bigint) ELSE failing END,
 told = CASE WHEN error = $1 AND status = $2 THEN told ELSE 0 END, turn = turn + 1,
 error = $1, status = $2, due = $4, holder = '', until = 0
 WHERE id = $5 AND holder = $6 AND status IN ('requested', 'active')"""
RELEASE: Final = """UPDATE subscription SET holder = '', until = 0,
 due = CASE WHEN channel = 'websocket' THEN CAST($2 AS bigint) WHEN last > done THEN CAST($1 AS bigint)
 WHEN heartbeat > 0 THEN CAST($1 AS bigint) + heartbeat ELSE CAST($2 AS bigint) END WHERE id = $3 AND holder = $4"""

_SHOWN: Final = (
    "id, status, error, subscriber, type, criteria, endpoint, host, secret, last, done, attempts, due, turn, channel, manner"
)
UNTOLD: Final = f"SELECT {_SHOWN} FROM subscription WHERE told = 0 ORDER BY id LIMIT $1"
FIND: Final = f"SELECT {_SHOWN} FROM subscription WHERE id = $1"
SEVERAL: Final = f"SELECT {_SHOWN} FROM subscription WHERE id IN (SELECT u.value->>0 FROM EACH($1) u) ORDER BY id"
ALL: Final = f"SELECT {_SHOWN} FROM subscription ORDER BY id"
DEAD: Final = (
    "SELECT d.subscription, d.number, d.type, d.id, d.version, d.moment, d.gone FROM subscription s"
    " JOIN delivery d ON d.subscription = s.id AND d.number > s.done WHERE s.status = 'error' ORDER BY d.subscription, d.number"
)
REDRIVE: Final = """UPDATE subscription SET status = 'active', error = '', told = 0, turn = turn + 1,
 attempts = 0, failing = 0, holder = '', until = 0,
 due = CASE WHEN last > done OR heartbeat > 0 THEN CAST($1 AS bigint) ELSE CAST($2 AS bigint) END
 WHERE status = 'error' AND (CAST($4 AS bigint) = 1 OR id IN (SELECT u.value->>0 FROM EACH($3) u)) RETURNING id"""
OVER: Final = (
    "UPDATE subscription SET status = 'off', error = '', told = 0, turn = turn + 1, done = last, due = $1, holder = '', until = 0"
    " WHERE status IN ('requested', 'active', 'error') AND ends <= $2"
)
STANDING: Final = """SELECT (SELECT count(*) FROM event), (SELECT COALESCE(min(updated), 0) FROM event),
 COALESCE(CAST(sum(
  CASE WHEN status IN ('requested', 'active') AND channel <> 'websocket' THEN last - done ELSE 0 END) AS bigint), 0),
 (SELECT COALESCE(min(d.moment), 0) FROM subscription s JOIN delivery d ON d.subscription = s.id AND d.number = s.done + 1
  WHERE s.status IN ('requested', 'active') AND s.channel <> 'websocket'),
 COALESCE(CAST(sum(CASE WHEN status = 'error' THEN last - done ELSE 0 END) AS bigint), 0),
 count(CASE WHEN status = 'active' THEN 1 END), count(CASE WHEN status = 'error' THEN 1 END) FROM subscription"""

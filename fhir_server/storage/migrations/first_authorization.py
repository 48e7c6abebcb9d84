"""The first tables of what the authorization server remembers."""

import sqlalchemy as sa
from alembic import op

from fhir_server.storage.migrations.columns import bytes_, number, text


def create() -> None:
    """Create them."""
    _given_out()
    _logged_in()


def _given_out() -> None:
    op.create_table(
        "oauth_code",
        bytes_("hash"),
        text("family"),
        text("client"),
        text("subject"),
        bytes_("session"),
        number("authenticated"),
        text("redirect_uri"),
        text("challenge"),
        number("expires"),
        number("used", "when it was taken, 0: not yet"),
        text("granted"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_code_session", "oauth_code", ["session"])
    op.create_table(
        "oauth_refresh",
        bytes_("hash"),
        text("family"),
        text("client"),
        text("subject"),
        bytes_("session"),
        number("authenticated"),
        number("expires"),
        number("ends"),
        number("used", "when it was rotated, 0: not yet"),
        text("bound"),
        text("granted"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_refresh_session", "oauth_refresh", ["session"])
    live = sa.text("used = 0")
    op.create_index("oauth_refresh_live", "oauth_refresh", ["subject"], sqlite_where=live, postgresql_where=live)


def _logged_in() -> None:
    op.create_table(
        "oauth_session",
        bytes_("hash"),
        text("id"),
        bytes_("subject"),
        text("role"),
        number("authenticated"),
        number("idle"),
        number("ends"),
        text("csrf"),
        text("organisation"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_session_subject", "oauth_session", ["subject"])
    op.create_table(
        "oauth_consent",
        bytes_("subject"),
        bytes_("client"),
        bytes_("patient"),
        text("scope"),
        number("given"),
        sa.PrimaryKeyConstraint("subject", "client", "patient"),
    )
    op.create_table(
        "oauth_used",
        bytes_("value"),
        number("expires"),
        sa.PrimaryKeyConstraint("value"),
    )
    op.create_table(
        "oauth_revocation",
        bytes_("kind"),
        bytes_("value"),
        number("since"),
        number("until"),
        sa.PrimaryKeyConstraint("kind", "value"),
    )
    op.create_index("oauth_revocation_since", "oauth_revocation", ["since"])

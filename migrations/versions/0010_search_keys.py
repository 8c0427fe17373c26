"""Lines are found by a lecture's words, not by reading all of its lines."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A number for each word of a line in its lecture. Whoever reads an index, or restores a dump, has no search path.
FUNCTION = """
CREATE FUNCTION search_keys(lecture bigint, words tsvector) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT pg_catalog.array_agg((lecture << 32) | (pg_catalog.hashtext(lexeme)::bigint & 4294967295))
FROM pg_catalog.unnest(words)
$$
"""


def upgrade() -> None:
    op.execute(FUNCTION)
    # Without a list of what isn't in the index yet, which every question would have to read through.
    op.execute(
        "CREATE INDEX ix_search_entry_keys ON search_entry USING gin (search_keys(lecture_id, words)) "
        "WITH (fastupdate = off)"
    )


def downgrade() -> None:
    op.drop_index("ix_search_entry_keys", "search_entry")
    op.execute("DROP FUNCTION search_keys(bigint, tsvector)")

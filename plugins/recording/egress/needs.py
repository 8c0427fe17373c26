"""What this engine needs, said in words where it is missing."""

from __future__ import annotations

from core.api import LiveKitDown, LiveKitError, PluginError, config, egress, files

REMEDY = (
    'set up the plugin storage_s3 and file_storage = "s3", so that LiveKit Egress can write into its bucket, '
    'or set engine to "recorder"'
)


def refuse_a_folder() -> None:
    """Stop the start where files are kept in a folder, which no Egress can write to."""
    if config().file_storage == "local":
        problem = 'engine = "egress" needs a bucket, but files are kept in a folder'
        raise PluginError("recording", problem, REMEDY)


def look() -> None:
    """For the doctor."""
    if not files.takes_from_others():
        problem = f"the storage {config().file_storage!r} has no bucket that LiveKit Egress could write to"
        raise PluginError("recording", problem, REMEDY)
    try:
        egress.must_answer()
    except (LiveKitDown, LiveKitError) as error:
        remedy = "give LiveKit and LiveKit Egress the same Redis (docs/operations.md, Recordings)"
        raise PluginError("recording", f"LiveKit can't ask for an Egress ({error})", remedy) from error

"""LiveKit Egress: records a lecture through a page of ours, into the bucket in which files are kept."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import sqlalchemy as sa
from livekit.protocol import egress as messages

from core import events
from core.contracts import Bucket, EgressChanged, EgressState, EgressStatus
from core.db import db
from core.errors import EgressBusy, LiveKitDown, LiveKitError
from core.files import storages
from core.files.models import StoredFile
from core.lectures.models import Lecture
from core.livekit.client import livekit
from core.livekit.tokens import BadToken, read_recorder_token

__all__ = ["all_of", "must_answer", "reader_of", "start", "stop"]

log = logging.getLogger(__name__)

EVENTS = frozenset({"egress_started", "egress_updated", "egress_ended"})
BUSY = frozenset({"unavailable", "resource_exhausted"})
STATUSES = {
    messages.EgressStatus.EGRESS_STARTING: EgressStatus.STARTING,
    messages.EgressStatus.EGRESS_ACTIVE: EgressStatus.ACTIVE,
    messages.EgressStatus.EGRESS_ENDING: EgressStatus.ENDING,
    messages.EgressStatus.EGRESS_COMPLETE: EgressStatus.COMPLETE,
    messages.EgressStatus.EGRESS_FAILED: EgressStatus.FAILED,
    messages.EgressStatus.EGRESS_ABORTED: EgressStatus.ABORTED,
    messages.EgressStatus.EGRESS_LIMIT_REACHED: EgressStatus.LIMIT,
}
NANOSECONDS = 1_000_000_000
LONGEST_ERROR = 500
FRAMES = 25
KEY_FRAME_SECONDS = 4.0
# At 720p, in kbit/s; as for a recorder, and H.264 needs more than VP9.
PICTURE_KBITS, SOUND_KBITS = 2000, 96


def start(lecture: Lecture, page: str, file: StoredFile, size: tuple[int, int]) -> EgressState:
    """Have a lecture recorded as MP4 into ``file``, which you ``files.expect``, as ``page`` shows it.

    ``size``: width and height. Commits first. Raises ``EgressBusy`` where none is free, ``LiveKitError``
    where LiveKit refuses, ``StorageDown`` where the storage has no bucket, and ``LiveKitDown``, after which
    it may run all the same.
    """
    request = messages.RoomCompositeEgressRequest(
        room_name=lecture.public_id,
        custom_base_url=page,
        file_outputs=[_output(storages.bucket(file.storage), file)],
        advanced=_quality(*size),
    )
    db.session.commit()
    try:
        return state_of(livekit().start_room_composite_egress(request))
    except (LiveKitDown, LiveKitError) as error:
        if error.code in BUSY:
            raise EgressBusy(str(error)) from error
        raise


def stop(egress_id: str) -> bool:
    """Have it come to its end; False where there is none, or it has ended. Commits; raises as ``start``."""
    db.session.commit()
    return livekit().stop_egress(egress_id)


def all_of(lecture: Lecture) -> list[EgressState]:
    """Every egress of the lecture that LiveKit remembers, those that are over too. Commits, and raises."""
    room = lecture.public_id
    db.session.commit()
    return [state_of(info) for info in livekit().list_egress(room)]


def must_answer() -> None:
    """``LiveKitDown`` or ``LiveKitError`` where LiveKit can't ask for an egress at all: it has no Redis."""
    livekit().list_egress("-")


def reader_of(lecture: Lecture, token: str) -> str | None:
    """The id of the egress whose token this is, if it is one that LiveKit has made for this lecture."""
    try:
        claim = read_recorder_token(token)
    except BadToken as error:
        log.info("no token of an egress: %s", error)
        return None
    return claim.identity if claim.lecture_public_id == lecture.public_id else None


def tell(room: str, said: dict[str, Any]) -> None:
    """Publish what a webhook has said of an egress in that room, in this transaction."""
    lecture = db.session.scalar(sa.select(Lecture).where(Lecture.public_id == room))
    if lecture is not None:
        facts = {name: value for name, value in said.items() if name != "id"}
        events.publish(EgressChanged(lecture.room_id, lecture.id, egress_id=said["id"], **facts))


def state_of(info: messages.EgressInfo) -> EgressState:
    """What counts of what LiveKit says: the request in it, with its keys, stays outside."""
    result = _result(info)
    return EgressState(
        id=info.egress_id,
        status=STATUSES.get(info.status, EgressStatus.FAILED),
        error=info.error[:LONGEST_ERROR],
        file=result.filename or _asked_for(info),
        size=result.size,
        started_at=_seconds(result.started_at),
        ended_at=_seconds(result.ended_at),
    )


def as_json(info: messages.EgressInfo) -> dict[str, Any]:
    """The same, to be kept."""
    return dataclasses.asdict(state_of(info))


def _output(bucket: Bucket, file: StoredFile) -> messages.EncodedFileOutput:
    return messages.EncodedFileOutput(
        file_type=messages.EncodedFileType.MP4,
        filepath=bucket.prefix + file.key,
        disable_manifest=True,
        s3=messages.S3Upload(
            access_key=bucket.access_key,
            secret=bucket.secret_key,
            region=bucket.region,
            endpoint=bucket.endpoint,
            bucket=bucket.name,
            force_path_style=bucket.path_style,
        ),
    )


def _quality(width: int, height: int) -> messages.EncodingOptions:
    return messages.EncodingOptions(
        width=width,
        height=height,
        framerate=FRAMES,
        video_bitrate=PICTURE_KBITS * width * height // (1280 * 720),
        audio_bitrate=SOUND_KBITS,
        key_frame_interval=KEY_FRAME_SECONDS,
    )


def _result(info: messages.EgressInfo) -> messages.FileInfo:
    return info.file_results[0] if info.file_results else info.file


def _asked_for(info: messages.EgressInfo) -> str:
    outputs = info.room_composite.file_outputs
    return outputs[0].filepath if outputs else info.room_composite.file.filepath


def _seconds(nanoseconds: int) -> float | None:
    return nanoseconds / NANOSECONDS if nanoseconds else None

"""One lecture's recording, in a process of its own."""

from __future__ import annotations

from livekit.agents import AutoSubscribe, JobContext, JobProcess, JobRequest

from core.agents import read_errand
from plugins.recording.worker.attendance import Attendance

NAME = "audimax-recorder"


def prepare(process: JobProcess) -> None:
    """Before there is a lecture."""


async def accept(request: JobRequest) -> None:
    """Say who comes. The errand holds a key: it must never be shown with the participant."""
    try:
        errand = read_errand(request.job.metadata)
    except ValueError:
        await request.reject()
        return
    await request.accept(name="Recording", identity=f"recorder-{errand.lecture}", metadata="")


async def attend(context: JobContext) -> None:
    """Go into the lecture; returns when we are in, the job ends with the room."""

    def leave() -> None:
        context.shutdown("not wanted any more")

    attendance = Attendance(context.room, read_errand(context.job.metadata), leave)
    context.proc.userdata["attendance"] = attendance
    if await attendance.begin():
        await context.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        attendance.enter()
    else:
        leave()


async def finish(context: JobContext) -> None:
    """The room is over, or we are asked to go."""
    attendance = context.proc.userdata.pop("attendance", None)
    if attendance is not None:
        await attendance.close()

"""One lecture's job, in a process of its own."""

from __future__ import annotations

from livekit.agents import AutoSubscribe, JobContext, JobProcess, JobRequest

from core.agents import read_errand
from plugins.ai_assistant.agent.attendance import Attendance
from plugins.ai_assistant.agent.speech import Keys

NAME = "audimax-captions"


def prepare(keys: Keys, process: JobProcess) -> None:
    """Before there is a lecture."""
    process.userdata["keys"] = keys


async def accept(request: JobRequest) -> None:
    """Say who comes. The errand holds a key: it must never be shown with the participant."""
    try:
        errand = read_errand(request.job.metadata)
    except ValueError:
        await request.reject()
        return
    await request.accept(name="Live captions", identity=f"captions-{errand.lecture}", metadata="")


async def attend(context: JobContext) -> None:
    """Go into the lecture; returns when we are in, the job ends with the room."""
    errand = read_errand(context.job.metadata)

    def leave() -> None:
        context.shutdown("not wanted any more")

    attendance = Attendance(context.room, errand, context.proc.userdata["keys"], leave)
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

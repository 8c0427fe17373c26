"""Files on S3 (AWS, MinIO, Garage, versitygw, …); browsers send and fetch them past our servers."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.storage_s3.settings import Settings

plugin = Plugin(
    name="storage_s3",
    title=_l("Files on S3"),
    description=_l("Keeps files on an S3 server instead of a local folder."),
    requires_core=">=0.1,<2",
    settings=Settings,
    order=90,
)

"""versitygw, the S3 server of the tests: the one that is here, or fetched once like livekit-server."""

from __future__ import annotations

from core.run.programs import Program, ProgramMissing, Release

VERSION = "1.8.0"
RELEASE = f"https://github.com/versity/versitygw/releases/download/v{VERSION}/versitygw_v{VERSION}_"
PROGRAM = Program(
    name="versitygw",
    version=VERSION,
    module="github.com/versity/versitygw/cmd/versitygw",
    variable="AUDIMAX_TEST_VERSITYGW",
    releases={
        "linux_amd64": Release(
            f"{RELEASE}Linux_x86_64.tar.gz",
            "2ba2c734d10d2c4e651d03182cb4b246656bc735a2f282db7b0b73fba6073467",
        ),
        "linux_arm64": Release(
            f"{RELEASE}Linux_arm64.tar.gz",
            "b34051d33f5a9c457f790896acb7bd7d7e15ad8d92efb70616b924f37e401910",
        ),
    },
)


def main() -> None:
    """Have one. Not having one is no error: the tests that need it say so."""
    try:
        PROGRAM.fetch()
    except ProgramMissing as missing:
        print(f"no S3 server: the tests on S3 are skipped. {missing}")


if __name__ == "__main__":
    main()

"""``python -m plugins.recording.worker``."""

from plugins.recording.worker.program import main

if __name__ == "__main__":
    main()

"""``python -m plugins.ai_assistant.agent``."""

from plugins.ai_assistant.agent.worker import main

if __name__ == "__main__":
    main()

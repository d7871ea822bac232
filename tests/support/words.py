"""Phrases that no page, help text or error may hold."""

from __future__ import annotations

NEVER = (
    "fresh weights",
    "a loss that is cut off",
    "behind one another",
    "as it came",
    "thinned out",
    "by heart",
    "what came out",
    "what it says",
    "how they err",
    "beside people",
    "trained otherwise",
    "no run tells",
    "sums up in",
    "is no command",
    "is no file",
    "is no picture",
    "received a int",
)


def phrases_in(text: str) -> list[str]:
    """The phrases that a text holds, wherever its lines break."""
    words = " ".join(text.lower().split())
    return [phrase for phrase in NEVER if phrase in words]

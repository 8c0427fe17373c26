"""The part that listens: a program of its own, a participant of kind agent in each lecture."""

"""Whether everything works, for those who look every few seconds."""

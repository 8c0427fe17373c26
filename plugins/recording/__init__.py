"""Recording: a lecture's picture and sound, kept as one file that can be watched again."""

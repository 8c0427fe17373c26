"""Search across lectures: who said what when. Filled from the sections, read with each one's audience."""

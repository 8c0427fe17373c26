"""What is stored about one person: handed out to them, and removed."""

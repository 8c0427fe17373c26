"""What is written down: lines for whoever runs it, grouped errors and deeds for admins."""

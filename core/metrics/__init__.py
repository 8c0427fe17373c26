"""Figures for Prometheus: what each worker counts, and what the database knows."""

"""Lectures and who was there."""

"""Learns from tracks what tells characters apart, and keeps their dictionary."""

"""Readers that are connected: their files, sidecars and statistics, and what is sent to them. Imports `memory` and below."""

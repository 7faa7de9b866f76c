"""Runs and records all of it: jobs, logs, locks, devices, provenance, failures, costs, plan."""

"""Crash safety, shown by experiment; `Tools/crash-test --help` says how to run it."""

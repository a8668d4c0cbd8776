"""What hostile files, changed files and poor environments do to vecdb: run it with Tools/hostile-test."""

"""A callable as a tracked run: what every orchestrator integration shares."""

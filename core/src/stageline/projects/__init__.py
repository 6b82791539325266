"""Projects: code that runs anywhere as a tracked run, from an `MLproject` file or without one."""

"""Where a project's code comes from: a folder, an archive, git, or any URL that fsspec knows. Start at `fetch`."""

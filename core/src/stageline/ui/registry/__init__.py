"""What the pages of the registry show: computed here, drawn by `views` and `templates`."""

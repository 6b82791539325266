"""A run's files as pages show them: which viewer a file gets, and what it is given; nothing in here renders."""

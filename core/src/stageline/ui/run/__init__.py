"""What the page of one run shows, read and computed; nothing in here renders."""

"""What a server tells of itself to whoever runs it: figures for Prometheus, and a line for each request."""

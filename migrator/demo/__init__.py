"""An old photo application to try the migrator with: what `make run` sets up beside ours."""

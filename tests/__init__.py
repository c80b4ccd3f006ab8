"""The tests, in one folder for each room of the package; what several of them use stands here, at the top."""

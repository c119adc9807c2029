"""The commands that go through messages without a deployment: the past, a file, a demo."""

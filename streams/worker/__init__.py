"""The live shell: Faust agents that gather input, call the pipeline and apply what it returns."""

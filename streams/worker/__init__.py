"""The live shell: Faust agents that gather, call the pipeline and apply what it says."""

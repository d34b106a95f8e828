"""Published networks in their own layouts, for the goldens of the converter."""

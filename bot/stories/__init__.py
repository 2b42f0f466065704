"""One module for each thing that members do."""

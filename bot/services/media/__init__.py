"""The files that members attach to posts: taken in, checked, kept, and handed to platforms."""

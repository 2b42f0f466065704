"""LinkedIn: sign-in, pages, media and posts."""

"""The pages, one file each: ``page(view, subject)`` draws one."""

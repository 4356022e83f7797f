"""One claim of theory or simulator a file: `rows` puts it beside what the curves say."""

"""What every page of the panel stands in: routes, sessions, languages, forms, templates, headers, errors."""

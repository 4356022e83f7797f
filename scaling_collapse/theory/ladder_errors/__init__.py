"""Which errors of the horizon and of the offset a measured ladder admits."""

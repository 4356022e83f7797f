"""Ladders with a name, one TOML file each; `ladder_file.load_ladder` reads them."""

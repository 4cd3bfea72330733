"""One module per command; `mvsdk_cli.main.COMMANDS` lists them."""

"""Black-box tools that speak to a server over HTTP, and simulators of source systems."""

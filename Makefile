# Aliases; the commands themselves are `python3 -m hub ...`.
PYTHON ?= python3

.PHONY: run test bench lint faults lock
run test bench lint faults:
	@$(PYTHON) -m hub $@

# Pins what requirements*.in ask for; wants pip-tools on the PATH.
lock:
	for each in requirements requirements-dev; do CUSTOM_COMPILE_COMMAND="make lock" pip-compile --quiet \
	  --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links \
	  --output-file $$each.txt $$each.in || exit 1; done

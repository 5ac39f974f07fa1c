# SPDX-License-Identifier: GPL-2.0
# Verbs only: `make help` lists them. What they do lives in the folders.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
# One build tree per kernel, so that objects of different kernels never mix.
BUILD ?= $(CURDIR)/build
MODBUILD ?= $(BUILD)/module-$(KVER)
SOURCES := Kbuild module balloon ksm-share shadow-pt tests/kunit

.PHONY: module clean help

module: ## build bellows.ko for the kernel KVER (default: the running one)
	@test -d $(KDIR) || { echo "bellows: no kernel headers at $(KDIR): install linux-headers-$(KVER) or set KVER/KDIR" >&2; exit 1; }
	@mkdir -p $(MODBUILD)
	@for s in $(SOURCES); do test ! -e $$s || cp -pru --parents $$s $(MODBUILD)/; done
	$(MAKE) -C $(KDIR) M=$(MODBUILD) $(KFLAGS) modules

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

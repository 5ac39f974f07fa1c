# SPDX-License-Identifier: GPL-2.0
# Verbs only: `make help` lists them. What they do lives in the folders.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
BUILD ?= $(CURDIR)/build
# One folder of objects per kernel, so that those of different kernels never mix.
MODBUILD ?= $(BUILD)/module-$(KVER)
MACHINE := tests/machine
# Of an emulated machine: KERNEL=stock61|stock612|test61|debug61
KERNEL ?= stock61

.PHONY: all module install check-quick check check-full bench bench-boot numbers profile-exit soak demo shell-svm shell-vmx gdb deps clean help

all: module ## the module, and the launcher, for the running kernel (default)
	@if test -e userspace/Makefile; then $(MAKE) -C userspace BUILD=$(BUILD); fi

module: ## bellows.ko for the kernel KVER, from its headers in KDIR
	@test -d $(KDIR) || { echo "bellows: no kernel headers at $(KDIR): install linux-headers-$(KVER), or set KVER or KDIR" >&2; exit 1; }
	@mkdir -p $(MODBUILD)
	@ln -sfn $(CURDIR)/Kbuild $(MODBUILD)/Kbuild
	@find $(MODBUILD) -type f -name '*.[chS]' ! -name '*.mod.c' -delete # as older trees copied them
	$(MAKE) -C $(KDIR) M=$(abspath $(MODBUILD)) $(KFLAGS) modules

install: all ## install both on this machine (as root)
	$(MAKE) -C $(KDIR) M=$(abspath $(MODBUILD)) $(KFLAGS) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KVER)
	@if test -e userspace/Makefile; then $(MAKE) -C userspace BUILD=$(BUILD) install; fi

# What is missing is installed; what is there already costs half a second.
check-quick check check-full bench bench-boot numbers profile-exit soak shell-svm shell-vmx gdb: deps

check-quick: ## host tests and one emulated machine: under 3 minutes
	@$(MACHINE)/check --build $(BUILD) quick

check: ## what every change must pass: every test on SVM and VMX, Debian boots: some 30 minutes
	@$(MACHINE)/check --build $(BUILD) gate

check-full: ## every test on every kernel and machine, for a release
	@$(MACHINE)/check --build $(BUILD) full

bench: ## instructions of exits and faults beside KVM's: a table, and build/bench.json
	@$(MACHINE)/bench --build $(BUILD)

bench-boot: ## instructions of a boot to init beside KVM's
	@$(MACHINE)/bench boot --build $(BUILD)

numbers: ## the main job's: boot, memory of a VM and of its launcher, each beside its bar
	@$(MACHINE)/bench numbers --build $(BUILD)

profile-exit: ## where the instructions of an exit go, by function (ROW=exit-cpuid ...)
	@$(MACHINE)/profile-exit --build $(BUILD) $(ROW)

soak: ## Debian with 4 vCPUs under load on a host of 2 CPUs, for SECONDS (1200)
	@$(MACHINE)/boot-guest soak --build $(BUILD) --seconds $(or $(SECONDS),1200)

demo: ## install what is missing, then boot Debian in a VM of an emulated host
	@$(MACHINE)/prepare/install-deps.sh demo
	@$(MACHINE)/demo --build $(BUILD)

shell-svm: ## a shell in an emulated AMD host (KERNEL=...), the module in /lib/modules
	@$(MACHINE)/shell --build $(BUILD) --kernel $(KERNEL) qemu-svm

shell-vmx: ## the same in an emulated Intel host
	@$(MACHINE)/shell --build $(BUILD) --kernel $(KERNEL) bochs-vmx

gdb: ## gdb on the module in an emulated AMD host (TEST=program to debug)
	@$(MACHINE)/shell gdb --build $(BUILD) $(TEST)

deps: ## install the Debian packages that building and testing need
	@$(MACHINE)/prepare/install-deps.sh

clean: ## remove everything that was built here; the kernels in the cache stay
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

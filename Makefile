# make deploy-testbed            four local hosts on this computer, provisioned and verified
# make deploy-testbed TESTBED=f  the hosts of a testbed.yaml or an Ansible inventory
CLI := node main/cli/bin.mjs
TESTBED ?=
NAME ?= $(if $(TESTBED),$(basename $(notdir $(TESTBED))),lab)

.PHONY: deploy-testbed test

node_modules: package-lock.json
	npm ci
	@touch node_modules

deploy-testbed: node_modules
	@$(CLI) testbed status $(NAME) >/dev/null 2>&1 || \
	  $(CLI) testbed create $(NAME) $(if $(TESTBED),--kind hosts --from $(TESTBED),--kind local)
	$(CLI) testbed up $(NAME)

test: node_modules
	npm test

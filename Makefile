# Everything needs Go and the Go proxy alone, but for the parts that say so.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# From the tags and the number of commits, so that apt takes a later one for an
# upgrade; deploy/version.sh says how. It may be given: make deb VERSION=1.2.0
ifndef VERSION
VERSION    := $(shell deploy/version.sh)
endif
ifndef COMMIT
COMMIT     := $(shell git rev-parse HEAD 2>/dev/null)
endif
MAINTAINER ?= The stationd authors <stationd@localhost.localdomain>
# Every date in a package is the commit's, so that two builds are the same bytes.
export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
export VERSION COMMIT MAINTAINER

# Debian's names: armhf is built for ARMv6, so that it runs on a Zero and a 1 too.
ARCHES   := amd64 arm64 armhf
MODULES  := $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path './build/*'))
LINTED   := $(filter-out ./tools,$(MODULES))
TOOLS    := build/tools
comma    := ,
T        ?= 30s
# Without HTTP/2, which no vendor needs, and with small functions written out in full only where a
# press and a delivery pass: a megabyte and a half (docs/adr/0019-a-smaller-program.md).
SELDOM   := stationd/... github.com/... text/... mime/... archive/... compress/... regexp/syntax math/big encoding/asn1 encoding/gob os/exec \
	crypto/tls crypto/x509/... crypto/rsa crypto/ecdsa crypto/hpke crypto/elliptic crypto/internal/fips140/rsa crypto/internal/fips140/ecdsa
OFTEN    := $(addprefix stationd/internal/,station queue/... api/... agent gpio scanner/...)
GO_BUILD := CGO_ENABLED=0 GOOS=linux go build -tags nethttpomithttp2 -trimpath -buildvcs=false $(SELDOM:%=-gcflags=%=-l) $(OFTEN:%=-gcflags=%=) -ldflags '-s -w -buildid= -X stationd/internal/version.number=$(VERSION) -X stationd/internal/version.commit=$(COMMIT) -X stationd/internal/version.commitTime=$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%FT%TZ)'

.PHONY: help
help: ## What can be made.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build $(ARCHES:%=build/stationd-%)
build: $(ARCHES:%=build/stationd-%) ## The program for amd64, arm64 and 32-bit ARM (ARMv6), into build/.
build/stationd-amd64: export GOARCH := amd64
build/stationd-arm64: export GOARCH := arm64
build/stationd-armhf: export GOARCH := arm
build/stationd-armhf: export GOARM  := 6
$(ARCHES:%=build/stationd-%):
	$(GO_BUILD) -o $@ ./cmd/stationd

.PHONY: check
check: $(TOOLS)/golangci-lint vulnerabilities ## gofmt, vet, the linters and tidy, for every module, and known vulnerabilities.
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './build/*')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@for m in $(MODULES); do echo "tidy   $$m"; go -C "$$m" mod tidy -diff; done
	@for m in $(LINTED); do echo "vet    $$m"; go -C "$$m" vet ./...; done
	@echo "vet    . with hil, installed and manpages"; go vet -tags hil,installed ./... && go vet -tags manpages ./cmd/stationd
	@for m in $(LINTED); do echo "lint   $$m"; (cd "$$m" && "$(CURDIR)/$(TOOLS)/golangci-lint" run --config "$(CURDIR)/.golangci.yml" ./...); done

# What is said of a vulnerability in what the program calls fails; that nobody could be
# asked does not.
.PHONY: vulnerabilities
vulnerabilities: $(TOOLS)/govulncheck ## Known vulnerabilities in what the program calls, where vuln.go.dev can be reached.
	@if said=$$(timeout 300 $(TOOLS)/govulncheck ./cmd/stationd 2>&1); then \
		echo "vuln   ./cmd/stationd: none is known"; \
	else \
		case "$$said" in \
		*"Your code is affected by "*) echo "$$said"; exit 1;; \
		*) echo "vuln   NOT PROVED: that no vulnerability is known in what the program calls: $$(echo "$$said" | tail -n 1)";; \
		esac; \
	fi

.PHONY: test
test: ## Every test that needs no emulated board, with the race detector.
	go test -race -shuffle=on -timeout 30m ./...

# axe-core is under the MPL-2.0 and larger than the page: it is fetched, and is no part of this.
.PHONY: axe
axe: build/axe.min.js ## axe-core, by which the tests check that the pages are accessible; needs npm.
build/axe.min.js:
	@mkdir -p build
	@cd build && for attempt in 1 2 3; do \
		if packed=$$(npm pack --silent axe-core@4.14.1) && tar -xzOf "$$packed" package/axe.min.js > axe.min.js.part; then exit 0; fi; \
		echo "axe    axe-core could not be fetched, attempt $$attempt of 3"; sleep $$((attempt * 5)); \
	done; exit 1
	echo "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c  build/axe.min.js.part" | sha256sum -c --quiet
	mv build/axe.min.js.part $@

.PHONY: matrix
matrix: ## The whole fault matrix and ten times the model, which take some minutes.
	STATIOND_ROUNDS=10 go test -race -count=1 -timeout 60m -run 'TestMatrix|TestModel' ./internal/matrix ./internal/queue

.PHONY: relay-matrix
relay-matrix: ## Every verb under every fault by a relay, some minutes; UPDATE=-update writes what ends otherwise than without.
	STATIOND_RELAY=whole go test -count=1 -timeout 60m -run '^TestMatrix$$' ./internal/matrix $(UPDATE)

.PHONY: relay-kill
relay-kill: ## Every part of a plant with a relay struck at every moment of every verb, by one and two stations; an hour. ONE_IN=4 tries one in four; UPDATE=-update writes how it ends.
	$(if $(ONE_IN),STATIOND_ONE_IN=$(ONE_IN),STATIOND_RELAY=whole) go test -count=1 -timeout 120m -v -run '^(TestRelayKills|TestTheWayIsChanged)$$' ./internal/matrix $(UPDATE)

.PHONY: relay-nodes
relay-nodes: ## An engine of three nodes in processes of their own, struck one and all in every way; some minutes. UPDATE=-update writes how it ends.
	STATIOND_RELAY=whole go test -count=1 -v -run '^TestAnEngineOfThreeNodes' ./internal/relay
	@mkdir -p build/engine && go build -o build/engine/nats-server-tested github.com/nats-io/nats-server/v2
	STATIOND_RELAY=whole STATIOND_ENGINE="$(CURDIR)/build/engine/nats-server-tested" go test -count=1 -timeout 120m -v -run '^TestAnEngineOfThreeNodesWhileEverythingIsKilled$$' ./cmd/stationd $(UPDATE)

.PHONY: relay-links
relay-links: build/stationd-$(shell go env GOARCH) ## Each link of a plant cut, silent, bent and moved in network namespaces, as root; ten minutes.
	STATIOND_BINARY="$(CURDIR)/build/stationd-$(shell go env GOARCH)" STATIOND_RELAY=whole \
	go test -count=1 -parallel 12 -timeout 60m -v -run '^TestWhateverHappensToALinkOfAPlant' ./cmd/stationd

.PHONY: relay-hours
relay-hours: ## 200 stations that share an account have hours to do, in virtual time; some minutes.
	STATIOND_BACKLOG=hours go test -count=1 -timeout 60m -v -run '^TestAccountByRelay$$' ./internal/matrix

DEBIANS_ENGINE := v2.9.10

.PHONY: relay-engine
relay-engine: ## A relay with the engine of Debian 12 in the place of the one in the tests.
	@mkdir -p build/engine && GOBIN="$(CURDIR)/build/engine" go install github.com/nats-io/nats-server/v2@$(DEBIANS_ENGINE)
	STATIOND_ENGINE="$(CURDIR)/build/engine/nats-server" go test -count=1 -v -run '^TestTheEngineThatIsInstalledLeadsStationsToARelay$$' ./internal/relay

.PHONY: load
load: ## A minute of scans, presses, pages, connections and a backlog at once, within the unit's limits. As root: those too.
	STATIOND_LOAD=60s go test -count=1 -timeout 20m -v -run '^TestLoad$$' ./cmd/stationd

.PHONY: soak
soak: ## The outbox under SIGKILL, power cuts, failing and damaged cards; its figures in docs/files.md anew. As root: all of it.
	STATIOND_ROUNDS=4 go test -race -count=1 -timeout 60m -v -run 'TestSIGKILL' ./internal/queue
	STATIOND_ROUNDS=30 go test -count=1 -timeout 60m -v -run 'TestPowerCut|TestShutdown|TestDamage|TestEverySystemCallFails|TestFullCard|TestCost|TestAStartThatChangesAllThatWaits' ./internal/queue -update
	go test -run '^$$' -bench 'BenchmarkRecord|BenchmarkOpen' -benchtime 1000x ./internal/queue

.PHONY: labels
labels: ## The pictures of docs/labels.md, drawn anew by zint 2.11.1 (Debian 12's).
	go test -count=1 -run '^TestEveryPictureOfALabelIsReadAsTheDocumentSays$$' ./cmd/stationd -draw

HOURS ?= 10

.PHONY: endurance
endurance: build/stationd-$(shell go env GOARCH) ## What happens at a station in HOURS=10 hours, without the waiting, and what it leaves behind.
	STATIOND_BINARY="$(CURDIR)/build/stationd-$(shell go env GOARCH)" STATIOND_HOURS=$(HOURS) \
	go test -count=1 -timeout $$(($(HOURS) * 6 + 10))m -v -run '^TestAShiftLeavesTheStationAsItWas$$' ./cmd/stationd

STORMS ?= 50

.PHONY: storms
storms: ## 50 storms of kills, outages, faults and keys at random, each compared event by event; some minutes. Again: STORM_SEED=…
	STATIOND_STORMS=$(STORMS) STATIOND_STORM_SEED=$(or $(STORM_SEED),$(shell date +%s)) \
	go test -count=1 -timeout 60m -v -run '^TestStorms$$' ./cmd/stationd

.PHONY: cover
cover: ## Test coverage, function by function and as a page in build/.
	@mkdir -p build
	go test -coverpkg=./... -coverprofile=build/cover.out ./...
	go tool cover -html=build/cover.out -o build/cover.html
	go tool cover -func=build/cover.out | tail -n 1

.PHONY: fuzz
fuzz: ## Every fuzz target for T each: make fuzz T=5m
	@grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file func; do \
		echo "fuzz   $$(dirname "$$file") $${func#func }"; \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(T) -fuzzminimizetime 2s "./$$(dirname "$$file")" </dev/null; \
	done

BENCH      := build/bench
BENCH_HOST := build/stationd-$(patsubst arm,armhf,$(shell go env GOARCH))
BENCH_RUN  := $(BENCH)/bench -stationd $(BENCH_HOST) -arm64 build/stationd-arm64 -commit '$(shell git rev-parse --short HEAD 2>/dev/null)' -dir $(BENCH)
SOAK       ?= 2m

.PHONY: bench
bench: build/stationd-arm64 $(BENCH_HOST) $(BENCH)/bench ## What a scan costs in syncs, bytes, allocations and wake-ups, beside Python; 90 s. Fails where a count is far off.
	$(BENCH_RUN) -quick

.PHONY: bench-full
bench-full: deb-arm64 $(BENCH_HOST) $(BENCH)/bench $(BENCH)/engines ## docs/benchmarks.md anew, beside Python, Node-RED, bare C and nine storage engines; 15 min. As root: bytes too. SOAK=1h soaks longer, ONLY=idle measures that part again.
	$(BENCH_RUN) -full -deb 'build/stationd_$(VERSION)_arm64.deb' -engines $(BENCH)/engines -soak $(SOAK) -only '$(ONLY)' -docs docs

.PHONY: bench-render
bench-render: $(BENCH)/bench ## docs/benchmarks.md of the last run's figures, where its words have changed (bench/report/lines.toml).
	$(BENCH)/bench -render -docs docs

.PHONY: $(BENCH)/bench $(BENCH)/engines
$(BENCH)/bench $(BENCH)/engines:
	go -C bench build -o ../$@ ./cmd/$(@F)

COUNT     ?= 6
BENCHTIME ?= 200ms
BENCHES   ?= .

.PHONY: benchcmp
benchcmp: $(TOOLS)/benchstat ## The Go benchmarks against those of another commit, by turns: make benchcmp BASE=main~3 BENCHES=Record
	@[ -n '$(BASE)' ] || { echo "benchcmp: say with what: make benchcmp BASE=main~3"; exit 2; }
	@mkdir -p $(BENCH) && rm -f $(BENCH)/base.txt $(BENCH)/now.txt
	@git worktree add --force --detach $(BENCH)/base '$(BASE)'; trap 'git worktree remove --force $(BENCH)/base' EXIT; \
	for round in $$(seq $(COUNT)); do for tree in base now; do \
		dir=$(BENCH)/base; [ $$tree = base ] || dir=.; \
		packages='$(PACKAGES)'; [ -n "$$packages" ] || packages=$$(cd $$dir && grep -rlE --include='*_test.go' '^func Benchmark' cmd internal | xargs -n 1 dirname | sort -u | sed 's|^|./|'); \
		echo "round $$round of $(COUNT): $$tree"; \
		go -C $$dir test -run '^$$' -bench '$(BENCHES)' -benchmem -benchtime $(BENCHTIME) $$packages >> $(BENCH)/$$tree.txt || echo "  some of $$tree failed: see $(BENCH)/$$tree.txt"; \
	done; done
	$(TOOLS)/benchstat base=$(BENCH)/base.txt now=$(BENCH)/now.txt

.PHONY: demo
demo: ## A whole station on this computer: buttons, lamps and a scanner on a web page.
	go run ./cmd/stationd demo

# What the emulated board needs, each as program:Debian package.
HIL_NEEDS := qemu-system-aarch64:qemu-system-arm qemu-system-arm:qemu-system-arm cpio:cpio depmod:kmod mkfs.ext4:e2fsprogs dtc:device-tree-compiler dpkg-deb:dpkg

# The slice from the contact to the vendor and an operator's work with both vendors
# take five minutes; buttons, buzzers and readers in every way take ten.
HIL_SLICE := ^(TestTheEmulatedBoard|TestStation|TestWorkflow)$$
HIL_RUN   ?= $(HIL_SLICE)
HIL_SKIP  ?=

.PHONY: hil-long
hil-long: ## All that hil leaves out: every button, buzzer and reader test, some ten minutes.
	@$(MAKE) hil HIL_RUN=. HIL_SKIP='$(HIL_SLICE)'

.PHONY: hil
hil: ## The packages' own binaries on an emulated board, 64- and 32-bit (installs nothing).
	@missing=; for need in $(HIL_NEEDS); do \
		PATH="$$PATH:/usr/sbin:/sbin" command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "hil    SKIPPED. Install first: apt-get install --no-install-recommends $$(printf '%s\n' $$missing | sort -u | tr '\n' ' ')"; \
		echo "hil    NOT PROVED: buttons, lamps, scanners, unplugging and power cuts under a real kernel, on arm64 and on 32-bit ARM."; \
		[ "$${CI:-}" != true ] || exit 1; \
	else \
		$(MAKE) hil-run; \
	fi

.PHONY: hil-run
hil-run: deb
	@rm -rf build/hil && mkdir -p build/hil
	@for arch in arm64 armhf; do dpkg-deb -x "build/stationd_$(VERSION)_$$arch.deb" build/hil/$$arch; done
	PATH="$$PATH:/usr/sbin:/sbin" \
	STATIOND_ARM64="$(CURDIR)/build/hil/arm64/usr/bin/stationd" \
	STATIOND_ARMV6="$(CURDIR)/build/hil/armhf/usr/bin/stationd" \
	go test -count=1 -v -tags hil -timeout 25m -run '$(HIL_RUN)' -skip '$(HIL_SKIP)' ./hil/...

# The processor of a Zero and a 1. What it does not have ends the program there.
ARM1176 := qemu-arm -cpu arm1176

.PHONY: armv6
armv6: ## The 32-bit program on the processor of a Zero (installs nothing).
	@if ! command -v qemu-arm >/dev/null; then \
		echo "armv6  SKIPPED. Install first: apt-get install --no-install-recommends qemu-user"; \
		echo "armv6  NOT PROVED: that the 32-bit program runs on an ARM1176, as a Zero and a 1 have."; \
		[ "$${CI:-}" != true ] || exit 1; \
	else \
		$(MAKE) armv6-run; \
	fi

.PHONY: armv6-run
armv6-run: build/stationd-armhf
	$(ARM1176) build/stationd-armhf version
	$(ARM1176) build/stationd-armhf check deploy/stationd.example.toml
	@printf '#!/bin/sh\nexec $(ARM1176) "%s" "$$@"\n' "$(CURDIR)/build/stationd-armhf" > build/stationd-arm1176 && chmod +x build/stationd-arm1176
	STATIOND_BINARY="$(CURDIR)/build/stationd-arm1176" go test -count=1 -run '^TestRedIsPressedWhileTheNetworkIsDown$$' ./cmd/stationd
	CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=6 go test -short -exec '$(ARM1176)' ./internal/station ./internal/config ./internal/scanner/gs1

# What the installed station needs, each as program:Debian package.
INSTALLED_NEEDS := mmdebstrap:mmdebstrap qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs dpkg-deb:dpkg xz:xz-utils
INSTALLED_DEBIANS ?= trixie-amd64
INSTALLED_RUN ?= .

.PHONY: installed-all
installed-all: ## As installed, on the Debian before the current one and on arm64 too; over an hour.
	@$(MAKE) installed INSTALLED_DEBIANS=trixie-amd64,bookworm-amd64,trixie-arm64 \
		INSTALLED_NEEDS='$(INSTALLED_NEEDS) qemu-system-aarch64:qemu-system-arm dtc:device-tree-compiler qemu-aarch64-static:qemu-user-static arch-test:arch-test'

.PHONY: installed
installed: ## The package on a real Debian with systemd, installed by the steps of deploy/README.md.
	@missing=; for need in $(INSTALLED_NEEDS); do \
		PATH="$$PATH:/usr/sbin:/sbin" command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "installed SKIPPED. Install first: apt-get install --no-install-recommends $$(printf '%s\n' $$missing | sort -u | tr '\n' ' ')"; \
		echo "installed NOT PROVED: the package, its unit and deploy/README.md on a real Debian: watchdog, keys, readers, upgrade, removal, reboot."; \
		[ "$${CI:-}" != true ] || exit 1; \
	else \
		$(MAKE) installed-run; \
	fi

.PHONY: installed-endurance
installed-endurance: ## HOURS=10 hours of the installed station, without the waiting.
	@STATIOND_INSTALLED_HOURS=$(HOURS) $(MAKE) installed INSTALLED_RUN=TestEndurance

# The same program under a higher version first: what is built last is the one under
# test. Both are built for every kind of board that is booted.
.PHONY: installed-run
installed-run:
	@for arch in $(sort $(filter %64,$(subst -, ,$(subst $(comma), ,$(INSTALLED_DEBIANS))))); do \
		$(MAKE) "deb-$$arch" VERSION='$(VERSION)+1' && $(MAKE) "deb-$$arch"; \
	done
	PATH="$$PATH:/usr/sbin:/sbin" STATIOND_INSTALLED='$(INSTALLED_DEBIANS)' \
	STATIOND_DEB='$(CURDIR)/build/stationd_$(VERSION)_amd64.deb' \
	STATIOND_NEWER_DEB='$(CURDIR)/build/stationd_$(VERSION)+1_amd64.deb' \
	go test -count=1 -v -tags installed -timeout 3h -run '$(INSTALLED_RUN)' ./installed

.PHONY: deb $(ARCHES:%=deb-%)
deb: $(ARCHES:%=deb-%) deb-relay ## The Debian packages, into build/.
$(ARCHES:%=deb-%): deb-%: build/stationd-% stage $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod
	@GOARCH=$(patsubst armhf,arm,$*) $(TOOLS)/cyclonedx-gomod bin -json -noserial -notimestamp -std -version '$(VERSION)' -output build/stationd-$*.cdx.json build/stationd-$* 2>/dev/null
	@touch -d @$(SOURCE_DATE_EPOCH) build/stationd-$* build/stationd-$*.cdx.json
	@ARCH=$* $(TOOLS)/nfpm package --config deploy/nfpm.yaml --packager deb --target build/stationd_$(VERSION)_$*.deb
	@umask 022 && rm -rf build/repack-$* && dpkg-deb -R build/stationd_$(VERSION)_$*.deb build/repack-$* && \
		dpkg-deb --root-owner-group -Zxz -z6 -Sextreme -b build/repack-$* build/stationd_$(VERSION)_$*.deb >/dev/null && rm -rf build/repack-$* # nfpm's xz leaves a fifth more

.PHONY: deb-relay
deb-relay: stage $(TOOLS)/nfpm ## The Debian package of a plant's relay, for every kind of computer.
	@$(TOOLS)/nfpm package --config deploy/nfpm-relay.yaml --packager deb --target build/stationd-relay_$(VERSION)_all.deb

# What goes into a package beside the program, with the commit's date on it.
.PHONY: stage
stage:
	@rm -rf build/stage && mkdir -p build/stage
	@cd deploy && cp stationd.service stationd-lamps.service stationd-enrol.service stationd-relay.service relay.example.toml fleet.example.toml stationd-generator 60-stationd.rules modules-load.conf sysusers.conf stationd.example.toml README.md copyright lintian-overrides ../build/stage/
	@cp SECURITY.md build/stage/
	@gzip -9nc deploy/stationd.1 > build/stage/stationd.1.gz
	@gzip -9nc CHANGELOG.md > build/stage/NEWS.gz
	@printf 'stationd (%s) unstable; urgency=medium\n\n  * What an operator or electrician can notice is in NEWS.gz.\n\n -- %s  %s\n' \
		'$(VERSION)' '$(MAINTAINER)' "$$(LC_ALL=C date -uRd @$(SOURCE_DATE_EPOCH))" | gzip -9nc > build/stage/changelog.gz
	@$(licenses) | gzip -9nc > build/stage/licenses.gz
	@mkdir -p build/stage/docs/adr build/stage/docs/benchmarks build/stage/docs/labels build/stage/docs/wiring build/stage/completion build/stage/monitoring build/stage/screen
	@cp deploy/monitoring/* build/stage/monitoring/ && cp deploy/screen/* build/stage/screen/ && cp -r deploy/ansible build/stage/
	@cp docs/*.md build/stage/docs/ && cp docs/adr/*.md build/stage/docs/adr/ && cp docs/benchmarks/*.svg build/stage/docs/benchmarks/ && cp docs/labels/*.png build/stage/docs/labels/ && cp docs/wiring/*.svg build/stage/docs/wiring/
	@sed -i 's|](../docs/|](docs/|g' build/stage/README.md
	@sed -i 's|](../deploy/README.md|](../README.md|g' build/stage/docs/*.md
	@for shell in bash zsh fish; do go run ./cmd/stationd completion $$shell > build/stage/completion/$$shell; done
	@mkdir -p build/stage/man && go run -tags manpages ./cmd/stationd build/stage/man && gzip -9n build/stage/man/*.1
	@find build/stage -exec touch -d @$(SOURCE_DATE_EPOCH) {} +

.PHONY: deb-test
deb-test: deb ## The packages have all that the program and its texts name.
	STATIOND_DEBS="$(ARCHES:%=$(CURDIR)/build/stationd_$(VERSION)_%.deb)" go test -count=1 -run 'TestThePackage' ./deploy

.PHONY: pictures
pictures: ## The pictures of README.md, taken in Debian's chromium while the demo's tour is followed.
	@[ -x /usr/bin/chromium ] || { echo "pictures NOT TAKEN: apt install chromium"; exit 1; }
	go test -count=1 -run '^TestTheDemoIsTriedAsItSays$$' ./cmd/stationd -draw

# What a plant downloads: the packages, what each consists of, their sums and who says so.
RELEASE := build/stationd-$(VERSION)
KEY     ?= $(HOME)/.minisign/minisign.key

.PHONY: release
release: deb-test ## A signed release in build/, by minisign: make release VERSION=1.2.0 KEY=FILE
	deploy/release.sh '$(RELEASE)' '$(KEY)' 'stationd $(VERSION)' $(foreach a,$(ARCHES),build/stationd_$(VERSION)_$(a).deb build/stationd-$(a).cdx.json) build/stationd-relay_$(VERSION)_all.deb

.PHONY: poster
poster: ## What the lamps of the example say, as sheets to print in every language, into build/.
	@mkdir -p build
	for language in en sv de pl es fi; do go run ./cmd/stationd lamps poster --config deploy/stationd.example.toml --language $$language --force -o build/lamps-poster.$$language.pdf; done

# The licence of Go and of every module that is linked in, each under its name.
define licenses
{ echo "Go $$(go env GOVERSION)"; echo; cat "$$(go env GOROOT)/LICENSE"; \
  GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/stationd | LC_ALL=C sort -u | \
  while read -r path version dir; do printf '\n\n%s %s\n\n' "$$path" "$$version"; cat "$$dir"/LICENSE* "$$dir"/LICENCE* "$$dir"/COPYING* "$$dir"/NOTICE* 2>/dev/null || true; done; \
  printf '\n\nThe Go fonts\n\n'; cat internal/sheet/fonts/LICENSE; \
  printf '\n\nBarlow Condensed\n\n'; cat internal/web/font/OFL.txt; }
endef

.PHONY: reproduce
reproduce: ## Builds the packages twice, in two places with an empty cache each, and compares them.
	@work=$$(mktemp -d); trap 'chmod -R u+w "$$work"; rm -rf "$$work"' EXIT; \
	for place in one/stationd another/place/stationd; do \
		mkdir -p "$$work/$$place"; tar -c --exclude=./build --exclude=./.git . | tar -x -m -C "$$work/$$place"; \
		mkdir -p "$$work/$$place/$(TOOLS)"; cp $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod "$$work/$$place/$(TOOLS)/"; \
		GOCACHE="$$work/cache/$$place" $(MAKE) -C "$$work/$$place" deb >/dev/null; \
		(cd "$$work/$$place/build" && sha256sum stationd-* *.deb) > "$$work/$$(dirname "$$place" | tr / -).sums"; \
	done; \
	cat "$$work/one.sums"; cmp "$$work/one.sums" "$$work/another-place.sums"; echo "reproduce: the same bytes both times"
reproduce: $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod

.PHONY: tools
tools: $(TOOLS)/golangci-lint $(TOOLS)/nfpm $(TOOLS)/benchstat $(TOOLS)/cyclonedx-gomod $(TOOLS)/govulncheck ## The tools pinned in tools/go.mod, into build/tools.
$(TOOLS)/golangci-lint: PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/nfpm:          PACKAGE := github.com/goreleaser/nfpm/v2/cmd/nfpm
$(TOOLS)/benchstat:     PACKAGE := golang.org/x/perf/cmd/benchstat
$(TOOLS)/cyclonedx-gomod: PACKAGE := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
$(TOOLS)/govulncheck:   PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/golangci-lint $(TOOLS)/nfpm $(TOOLS)/benchstat $(TOOLS)/cyclonedx-gomod $(TOOLS)/govulncheck: tools/go.mod tools/go.sum
	CGO_ENABLED=0 go -C tools build -trimpath -o ../$@ $(PACKAGE)

.PHONY: clean
clean: ## Removes what make made.
	rm -rf build

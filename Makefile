# martlet: everything a developer runs. `make help` lists it.
GO ?= go
STATICCHECK_VERSION ?= v0.8.2
FUZZTIME ?= 30s
BENCHTIME ?= 2s

.PHONY: help check fmt vet staticcheck gen gen-check test race bench bench-hold bench-idle fuzz demo build

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

check: fmt vet staticcheck gen-check test ## Everything that must hold before a commit

fmt: ## Fail when a file is not gofmt-ed
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt -w these:"; echo "$$out"; exit 1; }

vet: ## go vet
	$(GO) vet ./...

staticcheck: ## staticcheck, at the version named above
	$(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION) ./...

gen: ## Make the generated files anew from their data files
	$(GO) generate ./...

gen-check: ## Fail when a generated file is not up to date
	$(GO) generate ./...
	@git diff --exit-code --stat -- '*_gen.go' || { echo "run 'make gen' and commit the result"; exit 1; }

test: ## The whole test suite
	$(GO) test ./...

race: ## The whole test suite with the race detector, shuffled
	$(GO) test -race -shuffle=on ./...

bench: ## The benchmarks whose figures stand in docs/benchmarks.md
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) -benchmem ./...

bench-hold: ## 19,000 held phones on one server: bytes a phone, wakes, a storm; plain and TLS
	$(GO) test -run '^$$' -bench 'BenchmarkHeld/(plain|tls)' -benchtime 1x ./internal/benchmark -phones 19000

bench-idle: ## 5,000 IMAP sessions in IDLE: bytes a session, news for all of them; plain and TLS
	$(GO) test -run '^$$' -bench BenchmarkIdleIMAP -benchtime 1x ./internal/benchmark -sessions 5000

fuzz: ## Each fuzzer for FUZZTIME (30s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

demo: ## A whole server with sample users and a built-in phone
	$(GO) run ./cmd/martlet demo

build: ## The binary, ./martlet
	CGO_ENABLED=0 $(GO) build -trimpath -o martlet ./cmd/martlet

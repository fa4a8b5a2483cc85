package policy

import (
	"slices"
	"strings"
	"testing"
)

// allowed is the import table of docs/architecture.md: each package and what
// it may import of ours. A row ending in /... speaks for all packages below. A
// package without a row may import nothing of ours.
var allowed = map[string][]string{
	"protocol/wbxml":       {},
	"store":                {"internal/tracing"},
	"push":                 {},
	"push/...":             {"push"},
	"mail/rtf":             {},
	"mail/wire":            {},
	"mail/tnef":            {"mail/rtf", "mail/wire"},
	"mail/message":         {"mail/rtf", "mail/tnef", "mail/wire"},
	"mail/vcard":           {},
	"mail/compose":         {"mail/message", "mail/wire"},
	"mail/calendar":        {},
	"protocol/eas":         {"protocol/wbxml"},
	"store/blob":           {"store"},
	"store/archive":        {"store", "store/blob"},
	"store/keyring":        {"store"},
	"internal/tomlfile":    {},
	"internal/parking":     {},
	"internal/tracing":     {},
	"directory":            {"store", "internal/tomlfile", "mail/vcard"},
	"directory/oidc":       {"directory"},
	"directory/lockout":    {"directory", "store"},
	"documents":            {"directory"},
	"mail":                 {"directory", "store/blob", "mail/message"},
	"sync/device":          {"store", "directory"},
	"sync/class":           {"mail", "mail/calendar", "mail/message", "mail/object", "mail/vcard", "mail/rtf", "protocol/eas", "protocol/wbxml"},
	"mail/object":          {"mail", "mail/calendar", "mail/vcard"},
	"mail/search":          {"mail", "mail/calendar", "mail/message", "mail/object", "mail/vcard"},
	"mail/draft":           {"mail/message", "mail/wire"},
	"mail/mailbox":         {"mail", "mail/message", "mail/object", "mail/search", "store", "store/blob", "push"},
	"mail/dns":             {},
	"mail/dns/dnstest":     {"mail/dns"},
	"mail/dkim":            {},
	"mail/sign":            {"directory", "mail/dkim", "store"},
	"mail/feedback":        {"directory", "mail/filter", "mail/message", "mail/wire", "store"},
	"mail/filter":          {"directory", "mail", "mail/dkim", "mail/dns", "mail/message", "store"},
	"mail/junk":            {"directory", "mail", "mail/filter", "mail/mailbox", "mail/message", "mail/search", "store", "store/blob"},
	"mail/scan":            {"directory", "mail", "mail/filter", "mail/message"},
	"mail/queue":           {"internal/tracing", "mail", "mail/trace", "store", "store/blob"},
	"mail/tlspolicy":       {"mail/dns", "mail/message", "mail/relay", "mail/wire", "store"},
	"mail/relay":           {"mail", "mail/dns"},
	"mail/relay/relaytest": {},
	"mail/srs":             {},
	"mail/door":            {"internal/parking"},
	"mail/sasl":            {"directory", "directory/lockout"},
	"mail/smtp":            {"internal/tracing", "mail", "mail/trace", "mail/door", "mail/sasl", "directory"},
	"mail/quota":           {"directory", "mail", "mail/mailbox", "mail/wire", "store"},
	"mail/oof":             {"directory", "mail/message", "mail/wire", "store"},
	"mail/encrypt":         {"directory"},
	"mail/trace":           {"store"},
	"mail/route":           {"directory", "mail", "mail/mailbox", "mail/message", "mail/oof", "mail/queue", "mail/trace", "mail/vcard", "mail/wire", "store", "store/blob"},
	"mail/sieve":           {"mail", "mail/message", "mail/wire"},
	"mail/rules":           {"directory", "mail", "mail/mailbox", "mail/message", "mail/oof", "mail/route", "mail/sieve", "mail/wire", "store"},
	"mail/managesieve":     {"directory", "mail/door", "mail/rules", "mail/sasl", "mail/sieve"},
	"mail/announce":        {"directory", "mail", "mail/calendar", "mail/mailbox", "mail/message", "push", "push/seal", "store", "store/blob", "sync/device"},
	"mail/imap":            {"internal/tracing", "directory", "mail", "mail/announce", "mail/door", "mail/sasl", "mail/mailbox", "mail/message", "mail/search", "mail/share", "mail/wire", "push", "store", "store/blob"},
	"mail/pop3":            {"directory", "mail", "mail/door", "mail/mailbox", "mail/sasl", "store"},
	"mail/share":           {"directory", "mail", "mail/mailbox", "push", "store"},
	"mail/schedule":        {"directory", "mail", "mail/calendar", "mail/compose", "mail/mailbox", "mail/message", "mail/object", "mail/route", "mail/share", "mail/wire", "push", "store", "store/blob"},
	"mail/migrate":         {"mail", "mail/wire"},
	"mail/transfer":        {"directory", "mail", "mail/calendar", "mail/mailbox", "mail/message", "mail/migrate", "mail/object", "mail/vcard", "store", "store/blob"},
	"sync/engine":          {"mail", "store", "store/blob", "sync/device"},
	"gateway/...":          {"internal/tracing", "internal/parking", "protocol/...", "sync/...", "push/...", "mail/...", "directory", "directory/...", "documents", "store/...", "gateway/..."},
	"internal/phone":       {"protocol/wbxml", "protocol/eas"},
	"internal/simulation":  {"..."},
	"internal/demo":        {"internal/phone", "protocol/eas", "push/pushtest", "push/seal"},
	"internal/acceptance":  {},
	"internal/crash":       {},
	"internal/process":     {},
	"internal/benchmark":   {},
	"internal/policy":      {},
	"internal/conformance": {},
	"internal/corpus":      {},
	"internal/random":      {},
	"cmd/...":              {"..."},
}

// outside lists the modules that only some rooms may know.
var outside = map[string][]string{
	"github.com/dgraph-io/badger": {"store"},
	"github.com/miekg/dns":        {"mail/dns", "mail/dns/dnstest"},
	"net/http":                    {"gateway/...", "directory/oidc", "mail/tlspolicy", "push/apns", "push/fcm", "push/webpush", "push/pushtest", "mail/scan", "cmd/...", "internal/phone", "internal/demo", "internal/simulation"},
	"firebase.google.com/go":      {"push/fcm"},
	"github.com/sideshow/apns2":   {"push/apns"},
	"github.com/emersion/go-imap": {"mail/imap", "mail/migrate"},
	"github.com/gorilla/mux":      {"gateway/..."},
	"github.com/ProtonMail":       {"mail/encrypt"},
	"github.com/smallstep/pkcs7":  {"mail/encrypt"},
	"github.com/spf13/cobra":      {"cmd/..."},
	"github.com/prometheus":       {"gateway/metrics"},
	"go.opentelemetry.io":         {"internal/tracing", "gateway/telemetry"},
}

func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if p, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == p || strings.HasPrefix(pkg, p+"/")
	}
	return pattern == pkg
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		row, ok := allowed[f.pkg]
		for pattern, r := range allowed {
			if !ok && matches(pattern, f.pkg) {
				row, ok = r, true
			}
		}
		if !ok {
			t.Errorf("%s: package %s has no row in the import table", f.path, f.pkg)
			continue
		}
		for _, imp := range f.imports {
			if ours, is := strings.CutPrefix(imp, "martlet/"); is && !matchesAny(row, ours) {
				t.Errorf("%s: %s may not import %s", f.path, f.pkg, ours)
			}
		}
	}
}

func TestModulesStayInTheirRooms(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, imp := range f.imports {
			for module, rooms := range outside {
				if (imp == module || strings.HasPrefix(imp, module+"/")) && !matchesAny(rooms, f.pkg) {
					t.Errorf("%s: only %v may import %s", f.path, rooms, module)
				}
			}
		}
	}
}

package main

import (
	"strings"
	"testing"
	"time"

	"martlet/gateway/admin"
)

func TestTheDoctorLooksAtSigningKeys(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	key := func(domain, state string, made time.Duration) admin.SigningKey {
		return admin.SigningKey{Domain: domain, State: state, Made: now.Add(-made), Since: now.Add(-made)}
	}
	keys := []admin.SigningKey{
		key("new.example", "waiting", time.Hour),
		key("fine.example", "used", time.Hour), key("fine.example", "waiting", time.Hour), key("fine.example", "retired", 2*keyYear),
		key("late.example", "used", time.Hour), key("late.example", "waiting", 2*keyWait),
		key("old.example", "used", keyYear+time.Hour),
	}
	for i, f := range judgeKeys([]string{"new.example", "none.example", "fine.example", "late.example", "old.example"}, keys, now) {
		want := []string{"goes out unsigned", "goes out unsigned", "is signed", "wait for their records", "more than a year old"}[i]
		if !strings.Contains(f.Text, want) || (f.Level == fine) != (i == 2) || (f.Remedy == "") != (i == 2) {
			t.Errorf("%+v, want %s", f, want)
		}
	}
}

// A text of more than 255 bytes is several strings in the DNS.
func TestLongRecordsAreSplit(t *testing.T) {
	long := strings.Repeat("x", 600)
	got := texts(long)
	if strings.ReplaceAll(strings.ReplaceAll(got, `" "`, ""), `"`, "") != long || strings.Count(got, `"`) != 6 {
		t.Error(got)
	}
}

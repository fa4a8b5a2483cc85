package main

import (
	"time"

	"martlet/gateway/activesync"
)

// rulesFile is [activesync].
type rulesFile struct {
	PasswordRecovery  bool `toml:"password_recovery"`
	OnlyProvisionable bool `toml:"only_provisionable"`
	ManagedElsewhere  bool `toml:"managed_elsewhere"`
	MinHeartbeat      *int `toml:"min_heartbeat"` // seconds
	MaxHeartbeat      *int `toml:"max_heartbeat"`
}

func (r *configReader) rules(f *rulesFile) activesync.Rules {
	rules := activesync.Rules{
		PasswordRecovery: f.PasswordRecovery, OnlyProvisionable: f.OnlyProvisionable, ManagedElsewhere: f.ManagedElsewhere,
		MinHeartbeat: r.heartbeat("min_heartbeat", f.MinHeartbeat), MaxHeartbeat: r.heartbeat("max_heartbeat", f.MaxHeartbeat),
	}
	high := activesync.LongestHeartbeat
	if f.MaxHeartbeat != nil {
		high = rules.MaxHeartbeat
	}
	if low := rules.MinHeartbeat; low > high && high > 0 {
		r.fail("activesync", "min_heartbeat", "%d is more than max_heartbeat, %d", low/time.Second, high/time.Second)
	}
	return rules
}

// heartbeat reads a number of seconds. Phones take none that is longer than
// Exchange's.
func (r *configReader) heartbeat(key string, seconds *int) time.Duration {
	if seconds == nil {
		return 0
	}
	if longest := int(activesync.LongestHeartbeat / time.Second); *seconds < 1 || *seconds > longest {
		r.fail("activesync", key, "%d is not a number of seconds from 1 to %d", *seconds, longest)
		return 0
	}
	return time.Duration(*seconds) * time.Second
}

package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// phoneMemory is what --memory kept of an earlier command; empty at first.
type phoneMemory []byte

// recall reads the file of --memory.
func (f *phoneFlags) recall() (phoneMemory, error) {
	if f.memory == "" {
		return nil, nil
	}
	b, err := os.ReadFile(f.memory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// deviceID is the id of the phone that the flags describe. With a memory it is a
// device of its own: one that starts anew with every command would make the keys
// that it remembers stale.
func (f *phoneFlags) deviceID(m phoneMemory) string {
	var known struct{ Device string }
	sum := sha256.Sum256([]byte(strings.ToLower(f.user)))
	switch {
	case f.device != "":
		return f.device
	case len(m) > 0 && json.Unmarshal(m, &known) == nil && known.Device != "":
		return known.Device
	case f.memory != "" && len(m) == 0:
		rand.Read(sum[:]) // never fails
	}
	return "martlet" + hex.EncodeToString(sum[:8])
}

// remember makes the phone know what m has.
func (h *handset) remember(m phoneMemory) error {
	if len(m) == 0 {
		return nil
	}
	if err := h.Remember(m); err != nil {
		return fmt.Errorf("--memory %s: %s", h.flags.memory, plainError(err))
	}
	return nil
}

// keep writes what the phone knows into the file of --memory.
func (h *handset) keep() error {
	if h.flags.memory == "" {
		return nil
	}
	b, err := h.Memory()
	if err != nil {
		return err
	}
	return os.WriteFile(h.flags.memory, append(b, '\n'), 0o600)
}

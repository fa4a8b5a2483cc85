package phone

import (
	"encoding/json"
	"fmt"
	"strings"

	"martlet/protocol/eas"
)

// memory is what a phone keeps when it is switched off.
type memory struct {
	User        string                `json:"user,omitempty"`
	Device      string                `json:"device,omitempty"`
	Policy      uint32                `json:"policy_key,omitempty"`
	FolderKey   string                `json:"folder_key"`
	Folders     []eas.Folder          `json:"folders,omitempty"`
	Collections map[string]remembered `json:"collections,omitempty"`
}

type remembered struct {
	Key   string          `json:"sync_key"`
	Items map[string]Item `json:"items,omitempty"`
}

// Memory is what the phone knows, for Remember.
func (p *Phone) Memory() ([]byte, error) {
	m := memory{User: p.cfg.User, Device: p.cfg.DeviceID, FolderKey: p.FolderKey(), Folders: p.Folders(), Collections: map[string]remembered{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.Policy = p.policyKey
	for id, c := range p.collections {
		m.Collections[id] = remembered{c.key, c.items}
	}
	return json.MarshalIndent(m, "", "  ")
}

// Remember makes the phone know what it knew before it was switched off. The
// memory of another device or another user's is an error: a server would take
// the keys in it for stale.
func (p *Phone) Remember(b []byte) error {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	if m.User != "" && (!strings.EqualFold(m.User, p.cfg.User) || m.Device != p.cfg.DeviceID) {
		return fmt.Errorf("phone: this is the memory of %s on device %s", m.User, m.Device)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.policyKey = m.Policy
	if m.FolderKey != "" {
		p.folderKey = m.FolderKey
	}
	for _, f := range m.Folders {
		p.folders[f.ServerID] = f
	}
	for id, r := range m.Collections {
		c := newFolderState(r.Key)
		for sid, item := range r.Items {
			c.items[sid] = item
		}
		p.collections[id] = c
	}
	return nil
}

package phone

import (
	"encoding/json"
	"fmt"

	"martlet/protocol/eas"
)

// memory is what a phone keeps when it is switched off.
type memory struct {
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
	m := memory{FolderKey: p.FolderKey(), Folders: p.Folders(), Collections: map[string]remembered{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.Policy = p.policyKey
	for id, c := range p.collections {
		m.Collections[id] = remembered{c.key, c.items}
	}
	return json.MarshalIndent(m, "", "  ")
}

// Remember makes the phone know what another one knew.
func (p *Phone) Remember(b []byte) error {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("phone: %w", err)
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

package phone

import (
	"maps"
	"slices"
	"time"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Item is what the phone remembers of a message, or of another item.
type Item struct {
	ServerID   string
	Subject    string    // of a contact: what it is filed as
	Data       wbxml.Raw // of an event, a contact, a task or a note: all of it
	From       string
	Received   time.Time
	Read       bool
	Flag       uint8 // eas.FlagCleared and its kin
	Categories []string
	BodyType   uint8
	BodySize   uint32 // of the whole body, estimated by the server
	Preview    string // the beginning of the body, at most 256 bytes
	Truncated  bool
	Files      int // attachments
}

// folderState is the state of one folder's synchronization.
type folderState struct {
	key   string // "" before the first Sync
	items map[string]Item

	// After MoveItems the folder's Sync tells the move again (MS-ASCMD_R289): a
	// Delete of what left, an Add of what arrived, to Outlook a Change.
	leaving  map[string]bool
	arriving map[string]Item
}

func newFolderState(key string) *folderState {
	return &folderState{key: key, items: map[string]Item{}, leaving: map[string]bool{}, arriving: map[string]Item{}}
}

// previewBytes bounds what an Item keeps of a body.
const previewBytes = 256

// set takes over what a message's elements say; what is absent stays.
func (it *Item) set(e *eas.Email) {
	if e.Subject != nil {
		it.Subject = *e.Subject
	}
	if e.From != "" {
		it.From = e.From
	}
	if !e.DateReceived.IsZero() {
		it.Received = e.DateReceived
	}
	if e.Read != nil {
		it.Read = *e.Read
	}
	if e.Flag != nil {
		it.Flag = eas.FlagCleared
		if e.Flag.Status != nil {
			it.Flag = *e.Flag.Status
		}
	}
	if e.Categories != nil {
		it.Categories = e.Categories
	}
	if e.Attachments != nil || e.LegacyAttachments != nil {
		it.Files = len(e.Attachments) + len(e.LegacyAttachments)
	}
	switch {
	case e.Body != nil:
		it.BodyType, it.BodySize, it.Truncated = e.Body.Type, e.Body.EstimatedDataSize, e.Body.Truncated
		it.setPreview(e.Body.Data)
	case e.PlainBody != nil:
		it.BodyType, it.Truncated = eas.BodyPlain, e.BodyTruncated != nil && *e.BodyTruncated
		it.setPreview(e.PlainBody)
	case e.MIMEData != nil:
		it.BodyType, it.Truncated = eas.BodyMIME, e.MIMETruncated != nil && *e.MIMETruncated
		it.setPreview(e.MIMEData)
	}
}

func (it *Item) setPreview(data *string) {
	it.Preview = ""
	if data != nil {
		// A copy, so that the item does not keep the whole body alive.
		it.Preview = string([]byte((*data)[:min(len(*data), previewBytes)]))
	}
}

func (p *Phone) collectionLocked(id string) *folderState {
	c := p.collections[id]
	if c == nil {
		c = newFolderState("")
		p.collections[id] = c
	}
	return c
}

// View is what the phone shows of a folder, by ServerID.
func (p *Phone) View(collection string) map[string]Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.collections[collection]; c != nil {
		return maps.Clone(c.items)
	}
	return map[string]Item{}
}

// Collections are the folders that the phone synchronizes.
func (p *Phone) Collections() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.collections))
}

// SyncKey is the collection's key, "" before its first Sync.
func (p *Phone) SyncKey(collection string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.collections[collection]; c != nil {
		return c.key
	}
	return ""
}

// SetSyncKey makes the phone use another key, as after a restored backup.
func (p *Phone) SetSyncKey(collection, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.collectionLocked(collection).key = key
}

// Forget drops a collection's state and view: its next Sync starts anew.
func (p *Phone) Forget(collection string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.collections, collection)
}

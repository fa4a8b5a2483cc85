package phone

import (
	"bytes"
	"fmt"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// The classes of what is no message.
const (
	Calendar = "Calendar"
	Contacts = "Contacts"
	Tasks    = "Tasks"
	Notes    = "Notes"
)

// isObject tells whether items of a class are no messages.
func isObject(class string) bool {
	return class == Calendar || class == Contacts || class == Tasks || class == Notes
}

// classOf is a collection's class: that which the caller says, or its folder's.
func (p *Phone) classOf(collection, said string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.classOfLocked(collection, said)
}

func (p *Phone) classOfLocked(collection, said string) string {
	if said != "" {
		return said
	}
	return ClassOf(p.folders[collection].Type)
}

// ClassOf is the class of what a folder of a type holds.
func ClassOf(kind eas.FolderType) string {
	switch kind {
	case eas.FolderCalendar, eas.FolderUserCalendar:
		return Calendar
	case eas.FolderContacts, eas.FolderUserContacts:
		return Contacts
	case eas.FolderTasks, eas.FolderUserTasks:
		return Tasks
	case eas.FolderNotes, eas.FolderUserNotes:
		return Notes
	}
	return "Email"
}

// Add is the command that adds an item: data is an *eas.Calendar, an
// *eas.Contact, an *eas.Task or an *eas.Note.
func Add(clientID string, data any) eas.SyncCommand {
	return eas.SyncCommand{Add: &eas.SyncAdd{ClientID: clientID, ApplicationData: marshal(data)}}
}

// ChangeTo is the command that gives an item other data.
func ChangeTo(serverID string, data any) eas.SyncCommand {
	return eas.SyncCommand{Change: &eas.SyncChange{ServerID: serverID, ApplicationData: marshal(data)}}
}

// ChangeOccurrence is the command, since 16.0, that changes one occurrence of an
// event: instance is when it begins in its series, as 20261123T080000Z.
func ChangeOccurrence(serverID, instance string, data *eas.Calendar) eas.SyncCommand {
	return eas.SyncCommand{Change: &eas.SyncChange{ServerID: serverID, InstanceID: instance, ApplicationData: marshal(data)}}
}

// DeleteOccurrence is the command, since 16.0, that deletes one occurrence.
func DeleteOccurrence(serverID, instance string) eas.SyncCommand {
	return eas.SyncCommand{Delete: &eas.SyncDelete{ServerID: serverID, InstanceID: instance}}
}

func marshal(data any) wbxml.Raw {
	raw, err := wbxml.MarshalRaw(data)
	if err != nil {
		panic(err) // a mistake in the struct itself
	}
	return raw
}

// Decode reads an item's data into a struct of its class.
func (it *Item) Decode(into any) error { return readData(it.Data, into) }

// Decode reads an item's data into a struct of its class.
func (m *Message) Decode(into any) error { return readData(m.Data, into) }

func readData(raw wbxml.Raw, into any) error {
	d := wbxml.Decoder{MaxBytes: maxAnswer, MaxString: maxAnswer}
	if err := d.UnmarshalRaw(raw, into); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

// readMessage reads an item of a collection.
func readMessage(class, id string, data any) (Message, error) {
	m := Message{ServerID: id}
	if !isObject(class) {
		email, err := readEmail(data)
		m.Email = email
		return m, err
	}
	raw, _ := data.(wbxml.Raw)
	m.Data = bytes.Clone(raw)
	_, err := nameOf(class, m.Data)
	return m, err
}

// take takes over what the server says of an item.
func (it *Item) take(class string, m *Message) {
	if m.Email != nil {
		it.set(m.Email)
		return
	}
	it.setObject(class, m.Data)
}

func (it *Item) setObject(class string, data wbxml.Raw) {
	it.Data = data
	it.Subject, _ = nameOf(class, data)
}

// nameOf is what a list shows of an item.
func nameOf(class string, data wbxml.Raw) (string, error) {
	var name *string
	var err error
	switch class {
	case Calendar:
		var c eas.Calendar
		err = readData(data, &c)
		name = c.Subject
	case Contacts:
		var c eas.Contact
		err = readData(data, &c)
		for _, n := range []*string{c.FileAs, c.LastName, c.FirstName, c.CompanyName, c.Email1Address} {
			if name == nil {
				name = n
			}
		}
	case Tasks:
		var t eas.Task
		err = readData(data, &t)
		name = t.Subject
	case Notes:
		var n eas.Note
		err = readData(data, &n)
		name = n.Subject
	}
	if name == nil {
		return "", err
	}
	return *name, err
}

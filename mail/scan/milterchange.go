package scan

import (
	"encoding/binary"
	"fmt"
)

// change makes one of the changes that a milter wants, and tells whether it was one.
// What the milter did not say it would do is against the protocol.
func (t *talk) change(code byte, data []byte) (bool, error) {
	need := uint32(0)
	switch code {
	case modAddHeader, modInsHeader:
		need = mayAddHeaders
	case modChgHeader:
		need = mayChangeHeaders
	case modBody:
		need = mayChangeBody
	case modQuarantine:
		need = mayQuarantine
	case modAddRcpt, modAddRcptPar, modDelRcpt, modChgFrom:
		return false, fmt.Errorf("%w: it changes the envelope, which it was not offered", errProtocol)
	default:
		return false, nil
	}
	if t.actions&need == 0 {
		return false, fmt.Errorf("%w: it does what it did not ask for (%q)", errProtocol, code)
	}
	switch code {
	case modQuarantine:
		reason, _, _ := cutZero(data)
		t.finding.Quarantine = true
		t.finding.Reasons = append(t.finding.Reasons, plain(reason, maxText))
	case modBody:
		t.changed, t.hasBody = true, true
		if len(t.newBody)+len(data) > maxBodyBytes {
			return false, fmt.Errorf("%w: a body of more than %d bytes", errProtocol, maxBodyBytes)
		}
		t.newBody = append(t.newBody, data...)
	default:
		return true, t.changeHeader(code, data)
	}
	return true, nil
}

// changeHeader adds, inserts, changes or takes away a field. The places are those of
// the header as the milter has changed it so far.
func (t *talk) changeHeader(code byte, data []byte) error {
	if t.written += len(data); t.written > maxHeaderBytes {
		return fmt.Errorf("%w: fields of more than %d bytes", errProtocol, maxHeaderBytes)
	}
	at := uint32(0)
	if code != modAddHeader {
		if len(data) < 4 {
			return fmt.Errorf("%w: a field without its place", errProtocol)
		}
		at, data = binary.BigEndian.Uint32(data), data[4:]
	}
	name, rest, ok := cutZero(data)
	value, _, whole := cutZero(rest)
	if !ok || !whole {
		return fmt.Errorf("%w: a field without an end", errProtocol)
	}
	f, ok := newField(name, value, t.steps&leadingBlank != 0)
	if !ok {
		return fmt.Errorf("%w: a field named %q", errProtocol, plain(name, 40))
	}
	t.changed = true
	switch code {
	case modAddHeader:
		t.letter.insert(len(t.letter.fields), f)
	case modInsHeader:
		t.letter.insert(int(min(at, maxFields*2)), f)
	default:
		t.letter.change(int(min(at, maxFields*2)), f, value == "")
	}
	return nil
}

package acceptance

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// A file is on the phone what it was at the sender, however it was encoded, and
// also when the message is nothing but the file.
func TestAttachmentsDecodeToWhatWasAttached(t *testing.T) {
	h := newHouse(t, "")
	var picture [100_000]byte
	rand.NewChaCha8([32]byte{1}).Read(picture[:])
	text := []byte("Grüße = groß\r\n.\r\n" + strings.Repeat("line\t \r\n", 50))
	lone := "From: wren@elsewhere.example\r\nTo: " + robin + "\r\nSubject: lone\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: image/png; name=lone.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + folded(picture[:])
	h.deliver(lone)
	h.deliver("From: wren@elsewhere.example\r\nTo: " + robin + "\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" +
		"--B\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n" +
		"--B\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=picture.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + folded(picture[:]) +
		"--B\r\nContent-Type: text/csv; charset=utf-8\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A4.csv\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + printable(text) +
		"\r\n--B\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + lone + "\r\n--B--\r\n")
	want := map[string][]byte{"lone.png": picture[:], "picture.png": picture[:], "ä.csv": text, "lone.eml": []byte(lone)}

	for _, version := range []eas.Version{eas.V25, eas.V121, eas.V161} {
		p, inbox := h.settled(fmt.Sprintf("FILES%d", version), version)
		got := map[string]bool{}
		for _, m := range h.sync(p, inbox, phone.SyncOptions{}).Added {
			for name, reference := range files(m.Email) {
				got[name] = true
				checkFile(t, p, name, reference, want[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: files %v, want %d", version, got, len(want))
		}
	}
}

// files are the references of a message's attachments, by name.
func files(e *eas.Email) map[string]string {
	out := map[string]string{}
	for _, a := range e.Attachments {
		out[a.Attachment.DisplayName] = a.Attachment.FileReference
	}
	for _, a := range e.LegacyAttachments {
		out[a.DisplayName] = a.AttName
	}
	return out
}

func checkFile(t *testing.T, p *phone.Phone, name, reference string, want []byte) {
	t.Helper()
	if p.Version() < eas.V140 {
		_, data, err := p.GetAttachment(t.Context(), reference)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: GetAttachment brings %d bytes of %q, want %d: %v", p.Version(), len(data), name, len(want), err)
		}
	}
	if p.Version() < eas.V120 {
		return
	}
	for _, multipart := range []bool{false, true} {
		a, err := p.FetchAttachment(t.Context(), reference, phone.FetchOptions{Multipart: multipart})
		if err != nil || !bytes.Equal(a.Data, want) {
			t.Errorf("%s: Fetch brings other bytes of %q: %v", p.Version(), name, err)
		}
		a, err = p.FetchAttachment(t.Context(), reference, phone.FetchOptions{Multipart: multipart, Range: "10-29"})
		if err != nil || !bytes.Equal(a.Data, want[10:30]) || a.Total == nil || int(*a.Total) != len(want) {
			t.Errorf("%s: a range of %q brings %+v: %v", p.Version(), name, a, err)
		}
	}
}

func folded(b []byte) string {
	var out strings.Builder
	for text := base64Of(b); text != ""; {
		n := min(76, len(text))
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String()
}

func printable(b []byte) string {
	var out strings.Builder
	w := quotedprintable.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.String()
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

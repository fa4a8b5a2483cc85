package message

import (
	"fmt"
	"strings"
)

// dump writes an index for people and for golden files.
func dump(ix *Index, raw []byte) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	list := func(name string, l []Address) {
		var s []string
		for _, a := range l {
			s = append(s, fmt.Sprintf("%q<%s>", a.Name, a.Address))
		}
		line(name, strings.Join(s, ", "))
	}
	line("subject", ix.Subject)
	if ix.ThreadTopic != ix.Subject {
		line("topic", ix.ThreadTopic)
	}
	list("from", ix.From)
	list("sender", ix.Sender)
	list("reply-to", ix.ReplyTo)
	list("to", ix.To)
	list("cc", ix.Cc)
	list("bcc", ix.Bcc)
	if !ix.Date.IsZero() {
		line("date", ix.Date.Format("2006-01-02T15:04:05Z"))
	}
	line("id", ix.MessageID)
	line("in-reply-to", ix.InReplyTo)
	line("references", strings.Join(ix.References, " "))
	if ix.Importance != ImportanceNormal {
		line("importance", fmt.Sprint(ix.Importance))
	}
	line("preview", ix.Preview)
	for i, pt := range ix.Parts {
		fmt.Fprintf(&b, "part %d of %d: %s", i, pt.Parent, pt.Type)
		for _, f := range []struct{ name, value string }{{"charset", pt.Charset}, {"encoding", pt.Encoding}, {"disposition", pt.Disposition},
			{"name", pt.Filename}, {"id", pt.ContentID}, {"location", pt.Location}, {"method", pt.Method}} {
			if f.value != "" {
				fmt.Fprintf(&b, " %s=%q", f.name, f.value)
			}
		}
		fmt.Fprintf(&b, " [%d,%d)", pt.Body, pt.End)
		if ix.Inline(i) {
			b.WriteString(" inline")
		}
		b.WriteByte('\n')
	}
	body, files := ix.Shape()
	fmt.Fprintf(&b, "body: %v files: %v\n", body, files)
	for _, p := range body {
		if p.Plain >= 0 {
			s, _, _, _ := ix.ReadText(p.Plain, Bytes(raw), -1)
			line("plain", fmt.Sprintf("%q", s))
		}
		if p.HTML >= 0 {
			s, _, _, _ := ix.ReadText(p.HTML, Bytes(raw), -1)
			line("html", fmt.Sprintf("%q", s))
			line("text", fmt.Sprintf("%q", HTMLToText(s)))
		}
	}
	return b.String()
}

package sieve

import "iter"

// Fields are the header fields of a message: names in lower case, values as people
// read them.
func (msg *Message) Fields() iter.Seq2[string, string] {
	var h header
	h.read(msg)
	return func(yield func(string, string) bool) {
		for i := range h.fields {
			if f := &h.fields[i]; f.name != "" && !yield(f.name, f.text()) {
				return
			}
		}
	}
}

// Field is the first field of a name as people read it, empty if there is none.
func (msg *Message) Field(name string) string {
	var h header
	h.read(msg)
	if all := h.named(name); len(all) > 0 {
		return all[0].text()
	}
	return ""
}

// Addresses are those in header fields of the names, at most limit of them.
func (msg *Message) Addresses(limit int, names ...string) (all []string) {
	var h header
	h.read(msg)
	for _, name := range names {
		for _, f := range h.named(name) {
			if all = append(all, f.addresses()...); len(all) >= limit {
				return all[:limit]
			}
		}
	}
	return all
}

// Body is what stands behind the header, as it came.
func (msg *Message) Body() []byte {
	if len(msg.Index.Parts) == 0 {
		return msg.Raw
	}
	return msg.Raw[min(max(msg.Index.Parts[0].Body, 0), int64(len(msg.Raw))):]
}

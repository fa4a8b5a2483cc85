package tnef

func str8(id uint16, s string) property {
	return property{id: id, kind: typeString8, data: append([]byte(s), 0)}
}
func withName(p property, name string) property {
	p.id, p.name = 0x8fff, name
	return p
}

// attach adds an attachment.
func (s *stream) attach(name string, data []byte, list ...property) {
	s.attribute(levelAttachment, attRendData, 0x0006, append([]byte{1, 0}, make([]byte, 12)...))
	if name != "" {
		s.attribute(levelAttachment, attAttachTitle, 0x0001, append([]byte(name), 0))
	}
	if data != nil {
		s.attribute(levelAttachment, attAttachData, 0x0006, data)
	}
	if len(list) > 0 {
		s.attribute(levelAttachment, attAttachment, 0x0006, props(list...))
	}
}

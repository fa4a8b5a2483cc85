package vcard

import (
	"encoding/base64"
	"strings"
)

// SetBinary writes bytes of a media type into a property of a card of the
// version: as a URI in 4.0 (RFC 6350 6.2.4), in base64 before (RFC 2426 3.1.4).
func (p *Property) SetBinary(data []byte, media, version string) {
	for _, name := range []string{"VALUE", "ENCODING", "TYPE", "MEDIATYPE", "X-ABCROP-RECTANGLE"} {
		p.SetParam(name)
	}
	encoded := base64.StdEncoding.EncodeToString(data)
	if version == Version40 {
		p.Value = "data:" + media + ";base64," + encoded
		return
	}
	_, kind, _ := strings.Cut(media, "/")
	p.SetParam("ENCODING", "b")
	p.SetParam("TYPE", strings.ToUpper(kind))
	p.Value = encoded
}

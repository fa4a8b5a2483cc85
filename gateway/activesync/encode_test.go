package activesync

import "encoding/base64"

// encode builds the base64 form of a query value; params are pairs of a tag and
// a value.
func encode(version, code byte, id, kind string, params ...any) string {
	b := []byte{version, code, 9, 4, byte(len(id))}
	b = append(append(b, id...), 0, byte(len(kind)))
	b = append(b, kind...)
	for i := 0; i+1 < len(params); i += 2 {
		v := params[i+1].(string)
		b = append(append(b, byte(params[i].(int)), byte(len(v))), v...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

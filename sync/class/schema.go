package class

import (
	"reflect"
	"strings"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Restrict leaves of a message only the elements that a client named in its
// Schema (MS-ASEMAIL_R63).
func Restrict(e *eas.Email, schema []wbxml.Tag) {
	wanted := make(map[string]bool, len(schema))
	for _, tag := range schema {
		wanted[tag.String()] = true
	}
	restrict(reflect.ValueOf(e).Elem(), wanted)
}

func restrict(v reflect.Value, wanted map[string]bool) {
	for i := range v.NumField() {
		spec, tagged := v.Type().Field(i).Tag.Lookup("wbxml")
		if !tagged {
			restrict(v.Field(i), wanted) // an embedded struct's fields
			continue
		}
		name, _, _ := strings.Cut(spec, ",")
		if name, _, _ = strings.Cut(name, ">"); !wanted[name] {
			v.Field(i).SetZero()
		}
	}
}

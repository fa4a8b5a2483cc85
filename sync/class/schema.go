package class

import (
	"reflect"
	"strings"

	"martlet/protocol/wbxml"
)

// Restrict leaves of an item's data, a pointer to its struct, only the elements
// that a client named in its Schema (MS-ASEMAIL_R63, MS-ASCAL_R530).
func Restrict(data any, schema []wbxml.Tag) {
	wanted := make(map[string]bool, len(schema))
	for _, tag := range schema {
		wanted[tag.String()] = true
	}
	restrict(reflect.ValueOf(data).Elem(), wanted)
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

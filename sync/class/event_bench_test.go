package class_test

import (
	"testing"

	"martlet/protocol/eas"
	"martlet/sync/class"
)

func BenchmarkRenderEvent(b *testing.B) {
	for _, name := range []string{"appointment", "meeting", "series", "fortnight"} {
		raw := eventFile(b, name)
		b.Run(name, func(b *testing.B) {
			o := eventOptions(eas.V161, ada)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := class.RenderObject(eventItem, raw, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEditEvent(b *testing.B) {
	raw := eventFile(b, "series")
	data := eventRaw(b, clientData(showEvent(b, raw, eas.V141, ada), eas.V141))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := class.EditObject(eventItem.Class, raw, data, editOptions(eas.V141, ada)); err != nil {
			b.Fatal(err)
		}
	}
}

package phone

import "testing"

func FuzzSplitParts(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 'h', 'i'})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 12, 0, 0, 0, 2, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := splitParts(b)
		if err == nil && len(parts) == 0 {
			t.Error("no part and no error")
		}
		for _, p := range parts {
			if len(p) > len(b) {
				t.Error("a part larger than the whole")
			}
		}
	})
}

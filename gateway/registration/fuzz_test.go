package registration

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"martlet/push"
)

// Whatever a client sends is either a document as openapi.json describes it or
// refused with words, and a patch of what was taken is no way around.
func FuzzDocuments(f *testing.F) {
	for _, seed := range []string{apns, fcm, web, `{}`, `[]`, `{"kind":"apns","kind":"fcm"}`, `{"vip":{"senders":[[[[[1]]]]]}}`,
		`{"kind":"apns","app":"ios","token":"aa","quiet_hours":{"from":"22:00","until":"07:00","time_zone":"UTC","days":["fri"]}}`,
		`{"kind":"fcm","app":"android","token":"aaaaaaaaaaaaaaaa","expires":"2027-01-01T00:00:00Z","folders":["all"],"account":"\u0000"}`, `{"kind":"apns","app":"ios","token":"","environment":"","mode":""}`} {
		f.Add([]byte(seed), []byte(`{"mode":null,"vip":{"only":true}}`))
	}
	h := &Handler{c: Config{SealSuite: "a suite"}}
	h.Reconfigure(Settings{Apps: []App{{Name: "ios", Kind: push.APNs}, {Name: "android", Kind: push.FCM}, {Name: "web", Kind: push.WebPush}}})
	f.Fuzz(func(t *testing.T, document, patch []byte) {
		c := readContract(t)
		schema := c.at(c.root, "components", "schemas", "NewRegistration")
		try := func(tree map[string]any) bool {
			_, err := h.readForm(tree)
			var p *problem
			if err != nil {
				if !errors.As(err, &p) || p.Status != http.StatusUnprocessableEntity || len(p.Errors) == 0 {
					t.Errorf("refused with %v", err)
				}
				return false
			}
			b, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			leaveOut(v)
			if err := c.fits(schema, v, "#"); err != nil {
				t.Errorf("taken, and not as described: %v\n%s", err, b)
			}
			return true
		}
		tree, err := readTree(document)
		if err != nil || !try(tree) {
			return
		}
		if change, err := readTree(patch); err == nil {
			try(merge(tree, change))
		}
	})
}

// leaveOut takes out what is null, which is as if it were left out.
func leaveOut(v any) {
	tree, _ := v.(map[string]any)
	for name, one := range tree {
		if one == nil {
			delete(tree, name)
		}
		leaveOut(one)
	}
}

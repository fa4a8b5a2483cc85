package pushtest_test

import (
	"crypto/ecdh"
	"encoding/base64"
	"testing"

	"martlet/push/pushtest"
)

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291 5 and appendix A.
func TestTheExampleOfRFC8291IsRead(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(raw(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	auth := raw(t, "BTBZMqHH6r4Tts7J_aSIgg")
	body := raw(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	got, err := pushtest.DecryptWebPush(private, auth, body)
	if err != nil || string(got) != "When I grow up, I want to be a watermelon" {
		t.Fatalf("%q, %v", got, err)
	}
	for i := range body {
		broken := append([]byte{}, body...)
		broken[i] ^= 1
		// rs is not authenticated; it must only be larger than the record.
		if _, err := pushtest.DecryptWebPush(private, auth, broken); err == nil && (i < 16 || i > 19) {
			t.Errorf("byte %d may be changed", i)
		}
	}
}

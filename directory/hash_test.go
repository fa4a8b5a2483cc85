package directory

import (
	"strings"
	"testing"
)

func TestHashesOfEveryKindVerify(t *testing.T) {
	h, err := newHasher(cheap, 1)
	if err != nil {
		t.Fatal(err)
	}
	made, err := h.hash(t.Context(), "päss wörd")
	if err != nil {
		t.Fatal(err)
	}
	// Another implementation's vector, with a hash of 24 bytes.
	if !verify("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$Bo1ismRVk2qm6+YAYLCmWHDb+j3fjUH3", "password") {
		t.Error("another implementation's hash does not verify")
	}
	for _, hash := range []string{made, normalHash("{ARGON2ID}" + made)} {
		if err := checkHash(hash); err != nil {
			t.Error(err)
		}
		if !verify(hash, "päss wörd") || verify(hash, "pass word") || verify(hash, "") {
			t.Errorf("%s does not verify as it should", hash)
		}
	}
	other, err := h.hash(t.Context(), "päss wörd")
	if err != nil || other == made {
		t.Error("two hashes of one password are the same")
	}
	if verify(h.dummy, "") || verify("", "") || verify("$argon2id$", "") {
		t.Error("a broken hash verifies")
	}
}

func TestHashesThatCannotBeVerifiedAreRefused(t *testing.T) {
	good := formatArgon2(cheap, make([]byte, 16), make([]byte, 32))
	if err := checkHash(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", "$argon2id$", "$argon2i$v=19$m=16,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "t=1", "t=999", 1),
		strings.Replace(good, "p=1", "p=300", 1), strings.Replace(good, "m=16", "m=999999999", 1), strings.Replace(good, "m=16", "m=-1", 1),
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "p=1", "p=1,x=1", 1), good + "$", good + "=",
		"$2a$31$fmA1AVQp3Av8nH8xF85kpenuNkkIh.dLauvUFFostdjJfLCpfxt0K", "$2a$04$short", "$1$md5",
	} {
		if err := checkHash(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

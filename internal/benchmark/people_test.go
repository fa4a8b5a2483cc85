package benchmark

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"martlet/internal/phone"
	"martlet/internal/process"
)

const password = "fast-as-a-swift"

func login(n int) string { return fmt.Sprintf("user%05d@bench.example", n) }

// settle brings n users into the directory of a stopped server. Their hashes
// are cheap, so that the first login of each measures nothing.
func settle(b *testing.B, in *process.Installation, n int) {
	b.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("[[domain]]\nname = \"bench.example\"\n")
	for i := range n {
		fmt.Fprintf(&text, "[[user]]\nlogin = %q\npassword_hash = %q\n", login(i), hash)
	}
	file := filepath.Join(in.Dir, "people.toml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	in.Run("", "directory", "apply", file)
}

func newPhone(b *testing.B, in *process.Installation, client *http.Client, n int) *phone.Phone {
	b.Helper()
	p, err := phone.New(phone.Config{URL: "http://" + in.HTTP, User: login(n), Password: password, DeviceID: fmt.Sprintf("BENCH%05d", n), HTTPClient: client})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

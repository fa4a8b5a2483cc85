package demo

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

//go:embed samples
var samples embed.FS

// People is the demo's directory file, as `martlet directory apply` reads it.
func People() ([]byte, error) { return samples.ReadFile("samples/people.toml") }

// Person is someone of the demo's directory who can log in.
type Person struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// The people of samples/people.toml. Robin has the phone.
var (
	Amelia = Person{"amelia@demo.example", "swift-as-amelia"}
	Robin  = Person{"robin@demo.example", "swift-as-robin"}
	Kenji  = Person{"kenji@demo.example", "swift-as-kenji"}
)

// Everyone is all of them.
func Everyone() []Person { return []Person{Amelia, Robin, Kenji} }

// Message is a sample on its way.
type Message struct {
	Name, From, To, Subject string
	Raw                     []byte
}

// largeBytes is the size of the large sample's attachment before base64.
const largeBytes = 4 << 20

// Samples are the messages that lie in Robin's inbox when the phone comes: plain
// text, HTML, Japanese, attachments, a thread, a large one.
func Samples() ([]Message, error) {
	names, err := fs.Glob(samples, "samples/0*.eml")
	if err != nil {
		return nil, err
	}
	var all []Message
	for _, name := range names {
		m, err := sample(name)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return append(all, large()), nil
}

// Waking is the message that wakes the phone.
func Waking() (Message, error) {
	m, err := sample("samples/wake.eml")
	m.Subject = "The board meets in ten minutes"
	return m, err
}

func sample(path string) (Message, error) {
	raw, err := samples.ReadFile(path)
	if err != nil {
		return Message{}, fmt.Errorf("demo: %w", err)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(path, "samples/"), ".eml")
	return Message{Name: strings.TrimLeft(name, "0123456789-"), From: Amelia.Login, To: Robin.Login, Raw: raw}, nil
}

// large is a message with an attachment of some megabytes.
func large() Message {
	var b bytes.Buffer
	b.WriteString("From: Kenji Sato <kenji@demo.example>\r\nTo: operations@demo.example\r\nSubject: Survey of the sea bed, raw data\r\n" +
		"Date: Sat, 07 Nov 2026 12:00:00 +0000\r\nMessage-ID: <survey-1@demo.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"=_large\"\r\n\r\n--=_large\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe soundings as recorded.\r\n\r\n" +
		"--=_large\r\nContent-Type: application/octet-stream; name=\"soundings.dat\"\r\nContent-Disposition: attachment; filename=\"soundings.dat\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	line := []byte(strings.Repeat("TWFydGxldCBuZXZlciBsYW5kcy4g", 3)[:76] + "\r\n") // 57 bytes in 76 characters
	for range largeBytes / 57 {
		b.Write(line)
	}
	b.WriteString("\r\n--=_large--\r\n")
	return Message{Name: "large", From: Kenji.Login, To: "operations@demo.example", Raw: b.Bytes()}
}

// Send hands a message to an SMTP server and returns after its 250.
func Send(ctx context.Context, addr string, m Message) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	c := smtp.NewClient(conn)
	defer c.Close()
	if err := c.SendMail(m.From, []string{m.To}, bytes.NewReader(m.Raw)); err != nil {
		return err
	}
	return c.Quit()
}

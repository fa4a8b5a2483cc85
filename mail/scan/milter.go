package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/filter"
)

const (
	defaultMilterBytes = 50 << 20
	// What a milter may change in one message.
	maxChanges     = 2000
	maxHeaderBytes = 1 << 20 // of all fields that it writes
	maxBodyBytes   = 128 << 20
)

// MilterConfig says where a milter is.
type MilterConfig struct {
	Address  string // "host:port" or "unix:/path"
	Hostname string // our own
	Version  string // of this program
	Common
}

// Milter asks a mail filter of Sendmail's and Postfix's kind. The whole conversation
// is told to it when the message is there, over a connection of its own. It is safe
// for concurrent use.
type Milter struct {
	*guard
	c MilterConfig
}

// NewMilter returns a Milter.
func NewMilter(c MilterConfig) *Milter {
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultMilterBytes
	}
	return &Milter{newGuard(c.Timeout), c}
}

// Scan shows the message to the milter.
//
// A recipient whom the milter does not want is not known before the message is
// taken, and telling the sender afterwards would reach whoever the junk pretends to
// be from: if there are others, the message goes to that recipient's Junk. Our own
// users are told: what they send is refused.
func (f *Milter) Scan(ctx context.Context, m *filter.Message) (filter.Finding, error) {
	if !f.c.Direction.wants(m) {
		return filter.Finding{}, nil
	}
	if int64(len(m.Raw)) > f.c.MaxBytes {
		f.skip()
		return filter.Finding{Reasons: []string{"too large to be looked at"}}, nil
	}
	var found filter.Finding
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		found, err = f.talk(ctx, m)
		return err
	})
	if err != nil {
		return filter.Finding{}, fmt.Errorf("%s: %w", f.c.Address, err)
	}
	f.found(&found)
	return found, nil
}

// Ping asks whether the milter speaks the protocol.
func (f *Milter) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	conn, end, err := dial(ctx, f.c.Address)
	if err != nil {
		return err
	}
	defer end()
	t := &talk{packets: newPackets(conn), c: &f.c}
	if err := t.negotiate(); err != nil {
		return err
	}
	return t.quit()
}

// talk tells a milter of one message.
func (f *Milter) talk(ctx context.Context, m *filter.Message) (filter.Finding, error) {
	conn, end, err := dial(ctx, f.c.Address)
	if err != nil {
		return filter.Finding{}, err
	}
	defer end()
	t := &talk{packets: newPackets(conn), c: &f.c, m: m, letter: open(m.Raw)}
	if err := t.negotiate(); err != nil {
		return filter.Finding{}, err
	}
	for _, step := range []func() error{t.connect, t.helo, t.mail, t.recipients, t.data, t.header, t.body, t.end} {
		if err := step(); err != nil {
			return filter.Finding{}, err
		}
		if t.over {
			break
		}
	}
	t.quit() // what it thinks of that makes no difference
	return t.finding, nil
}

// talk is one conversation.
type talk struct {
	*packets
	c       *MilterConfig
	m       *filter.Message
	letter  *letter
	actions uint32 // that it may take
	steps   uint32 // that it does not want, or not answer

	over     bool // the milter has decided
	finding  filter.Finding
	unwanted []unwanted

	newBody []byte
	changed bool
	hasBody bool // newBody is given
	written int  // bytes of fields
}

// unwanted is a recipient that the milter does not want.
type unwanted struct {
	to     int // in the envelope
	answer mail.Refusal
}

const allActions = mayAddHeaders | mayChangeBody | mayChangeHeaders | mayQuarantine

// negotiate agrees on what is shown and what may be changed.
func (t *talk) negotiate() error {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], milterVersion)
	binary.BigEndian.PutUint32(b[4:], allActions)
	binary.BigEndian.PutUint32(b[8:], allSteps)
	if err := t.write(cmdNegotiate, b[:]); err != nil {
		return err
	}
	code, data, err := t.read()
	if err != nil {
		return err
	}
	if code != cmdNegotiate || len(data) < 12 {
		return fmt.Errorf("%w: it does not negotiate", errProtocol)
	}
	version := binary.BigEndian.Uint32(data)
	t.actions, t.steps = binary.BigEndian.Uint32(data[4:])&allActions, binary.BigEndian.Uint32(data[8:])
	if version < oldestVersion || version > milterVersion || t.steps&^allSteps != 0 {
		return fmt.Errorf("%w: version %d, steps %x", errProtocol, version, t.steps)
	}
	if version < milterVersion { // what older ones do not know
		t.steps |= noData
	}
	return nil
}

// step shows something, unless the milter does not want it, and hears what it says.
func (t *talk) step(not, silent uint32, command byte, data ...[]byte) (code byte, answer []byte, err error) {
	if t.steps&not != 0 {
		return actContinue, nil, nil
	}
	if err := t.write(command, data...); err != nil {
		return 0, nil, err
	}
	if t.steps&silent != 0 {
		return actContinue, nil, nil
	}
	return t.read()
}

// macros tells what goes with the next command: names and values in turn.
func (t *talk) macros(command byte, pairs ...string) error {
	var kept []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			kept = append(kept, pairs[i], pairs[i+1])
		}
	}
	return t.write(cmdMacro, []byte{command}, zero(kept...))
}

func (t *talk) connect() error {
	c := t.m.Client
	name, address := t.m.Auth.Reverse, netip.Addr{}
	if c != nil {
		address = c.Addr.Unmap().WithZone("")
	}
	family, text := byte('U'), ""
	if address.IsValid() {
		family, text = '4', address.String()
		if address.Is6() {
			family = '6'
		}
	}
	if name == "" {
		if name = "localhost"; text != "" {
			name = "[" + text + "]"
		}
	}
	if err := t.macros(cmdConnect, "j", t.c.Hostname, "{daemon_name}", t.c.Hostname, "v", strings.TrimSpace("Martlet "+t.c.Version), "{client_name}", name, "{client_addr}", text); err != nil {
		return err
	}
	data := append(zero(name), family)
	if family != 'U' {
		data = append(append(data, 0, 0), zero(text)...)
	}
	return t.heed(t.step(noConnect, silentConnect, cmdConnect, data))
}

func (t *talk) helo() error {
	name := "localhost"
	if c := t.m.Client; c != nil && c.Helo != "" {
		name = c.Helo
	}
	version, cipher, _ := strings.Cut(t.m.Env.Trace.TLS, " ")
	if err := t.macros(cmdHelo, "{tls_version}", version, "{cipher}", cipher); err != nil {
		return err
	}
	return t.heed(t.step(noHelo, silentHelo, cmdHelo, zero(name)))
}

func (t *talk) mail() error {
	env := t.m.Env
	login, kind := "", ""
	if c := t.m.Client; c != nil && c.Account != 0 {
		login, kind = c.Login, "PLAIN"
	}
	if err := t.macros(cmdMail, "i", env.Trace.ID, "{mail_addr}", env.From, "{mail_mailer}", "smtp", "{auth_type}", kind, "{auth_authen}", login, "{auth_author}", login); err != nil {
		return err
	}
	args := []string{"<" + env.From + ">", "SIZE=" + strconv.Itoa(len(t.m.Raw))}
	if env.Body8Bit {
		args = append(args, "BODY=8BITMIME")
	}
	if env.SMTPUTF8 {
		args = append(args, "SMTPUTF8")
	}
	return t.heed(t.step(noMail, silentMail, cmdMail, zero(args...)))
}

func (t *talk) recipients() error {
	for i := range t.m.Env.To {
		to := &t.m.Env.To[i]
		_, host, _ := strings.Cut(to.Address, "@")
		mailer := "smtp"
		if to.Local {
			mailer = "local"
		}
		if err := t.macros(cmdRcpt, "{rcpt_addr}", to.Address, "{rcpt_host}", host, "{rcpt_mailer}", mailer); err != nil {
			return err
		}
		code, data, err := t.step(noRcpt, silentRcpt, cmdRcpt, zero("<"+to.Address+">"))
		if err != nil {
			return err
		}
		switch code {
		case actReject, actTempFail, actReply:
			answer, err := answerOf(code, data)
			if err != nil {
				return err
			}
			t.unwanted = append(t.unwanted, unwanted{i, answer})
		default:
			if err := t.heed(code, data, nil); err != nil || t.over {
				return err
			}
		}
	}
	return t.judgeRecipients()
}

// judgeRecipients decides what becomes of a message that the milter does not want
// for some of its recipients.
func (t *talk) judgeRecipients() error {
	if len(t.unwanted) == 0 {
		return nil
	}
	for _, u := range t.unwanted {
		if len(t.unwanted) == len(t.m.Env.To) || u.answer.Code < 500 || t.m.Auth.Submission || len(t.m.Env.To[u.to].Accounts) == 0 {
			t.finding.Refusal, t.over = u.answer, true
			return nil
		}
	}
	t.finding.Opinions = map[directory.AccountID]bool{}
	for _, u := range t.unwanted {
		for _, a := range t.m.Env.To[u.to].Accounts {
			t.finding.Opinions[a] = true
		}
		t.finding.Reasons = append(t.finding.Reasons, "not wanted for a recipient: "+u.answer.Text)
	}
	for i := range t.m.Env.To { // who gets it by another address as well
		if slices.ContainsFunc(t.unwanted, func(u unwanted) bool { return u.to == i }) {
			continue
		}
		for _, a := range t.m.Env.To[i].Accounts {
			delete(t.finding.Opinions, a)
		}
	}
	return nil
}

func (t *talk) data() error {
	if t.steps&noData != 0 {
		return nil
	}
	if err := t.macros(cmdData, "i", t.m.Env.Trace.ID); err != nil {
		return err
	}
	return t.heed(t.step(noData, silentData, cmdData))
}

func (t *talk) header() error {
	for i := range t.letter.fields {
		f := &t.letter.fields[i]
		value := bytes.ReplaceAll(f.value, []byte("\r\n"), []byte("\n"))
		if t.steps&leadingBlank == 0 {
			value = bytes.TrimPrefix(value, []byte(" "))
		}
		if err := t.heed(t.step(noHeader, silentHeader, cmdHeader, zero(f.name), zero(string(value)))); err != nil || t.over {
			return err
		}
	}
	return t.heed(t.step(noEndHeader, silentEnd, cmdEndHeader))
}

func (t *talk) body() error {
	body := bytes.TrimPrefix(bytes.TrimPrefix(t.letter.body, []byte("\r")), []byte("\n"))
	for len(body) > 0 {
		n := min(len(body), maxMilterChunk)
		code, data, err := t.step(noBody, silentBody, cmdBody, body[:n])
		if err == nil && code == actSkip {
			return nil
		}
		if err := t.heed(code, data, err); err != nil || t.over {
			return err
		}
		body = body[n:]
	}
	return nil
}

// end hears what is to be changed, and what is to become of the message.
func (t *talk) end() error {
	if err := t.macros(cmdEnd, "i", t.m.Env.Trace.ID); err != nil {
		return err
	}
	if err := t.write(cmdEnd); err != nil {
		return err
	}
	for range maxChanges {
		code, data, err := t.read()
		if err != nil {
			return err
		}
		change, err := t.change(code, data)
		if err != nil {
			return err
		}
		if change {
			continue
		}
		if err := t.heed(code, data, nil); err != nil {
			return err
		}
		if !t.finding.Refusal.Refuses() && t.changed {
			if t.hasBody {
				t.letter.body = append([]byte("\r\n"), withCRLF(t.newBody)...)
			}
			t.finding.Raw = t.letter.bytes()
		}
		return nil
	}
	return fmt.Errorf("%w: it changes for ever", errProtocol)
}

// withCRLF ends the lines of a body as mail does, whatever ended them: bare line ends
// are read differently by those behind us.
func withCRLF(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	b = bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

func (t *talk) quit() error {
	if err := t.write(cmdQuit); err != nil {
		return err
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// heed does what the milter says of the message as a whole.
func (t *talk) heed(code byte, data []byte, err error) error {
	if err != nil {
		return err
	}
	switch code {
	case actContinue:
	case actAccept:
		t.over = true
	case actDiscard:
		t.finding.Discard, t.over = true, true
	default:
		t.over = true
		t.finding.Refusal, err = answerOf(code, data)
	}
	return err
}

// answerOf is the refusal that an answer means.
func answerOf(code byte, data []byte) (mail.Refusal, error) {
	switch code {
	case actReject:
		return refusal(550, "5.7.1", "The message is not wanted here"), nil
	case actTempFail, actConnFail, actShutdown:
		return refusal(451, "4.7.1", "Try again later"), nil
	case actReply:
		return readReplyCode(data)
	}
	return mail.Refusal{}, fmt.Errorf("%w: %q", errProtocol, code)
}

// readReplyCode reads "550 5.7.1 text". Of several lines the first counts; a code
// that is no refusal is none of the protocol.
func readReplyCode(data []byte) (mail.Refusal, error) {
	text, _, _ := cutZero(data)
	text, _, _ = strings.Cut(text, "\n")
	text = plain(text, maxText)
	if len(text) < 3 || text[0] != '4' && text[0] != '5' {
		return mail.Refusal{}, fmt.Errorf("%w: a reply %q", errProtocol, text)
	}
	code, err := strconv.Atoi(text[:3])
	if err != nil {
		return mail.Refusal{}, fmt.Errorf("%w: a reply %q", errProtocol, text)
	}
	if code == 421 || code == 521 { // the connection is ours to end
		code = code/100*100 + 50
	}
	rest := strings.TrimLeft(text[3:], " -")
	enhanced := text[:1] + ".7.1"
	if word, more, _ := strings.Cut(rest, " "); isEnhanced(word, text[0]) {
		enhanced, rest = word, more
	}
	if rest == "" {
		rest = "The message is not wanted here"
	}
	return mail.Refusal{Code: code, Enhanced: enhanced, Text: rest}, nil
}

// isEnhanced tells whether a word is an enhanced status code of a class (RFC 3463 2).
func isEnhanced(word string, class byte) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != string(class) {
		return false
	}
	for _, p := range parts[1:] {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 || len(p) > 3 {
			return false
		}
	}
	return true
}

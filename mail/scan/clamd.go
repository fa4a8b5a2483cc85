package scan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"martlet/mail/filter"
)

const (
	// defaultClamdBytes is what clamd takes by itself in all its versions
	// (StreamMaxLength).
	defaultClamdBytes = 25 << 20
	// clamdChunk is how much is sent at once.
	clamdChunk = 64 << 10
	// maxClamdReply bounds an answer, in bytes.
	maxClamdReply = 4 << 10
	// limitsScore is what it is worth that clamd could not look into all of a message:
	// an archive in an archive in an archive.
	limitsScore = 3
)

// ClamdConfig says where clamd is. Addresses are "host:port" or "unix:/path"; the
// next one is asked when one is down.
type ClamdConfig struct {
	Addresses []string
	Junk      bool // what has a virus goes to Junk, and is not refused
	Common
}

// Clamd asks clamd whether a message has a virus. It is safe for concurrent use.
type Clamd struct {
	c      ClamdConfig
	guards []*guard
}

// NewClamd returns a Clamd.
func NewClamd(c ClamdConfig) *Clamd {
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultClamdBytes
	}
	out := &Clamd{c: c}
	for range c.Addresses {
		out.guards = append(out.guards, newGuard(c.Timeout))
	}
	return out
}

// Scan has the message looked at.
func (c *Clamd) Scan(ctx context.Context, m *filter.Message) (filter.Finding, error) {
	if !c.c.Direction.wants(m) {
		return filter.Finding{}, nil
	}
	if int64(len(m.Raw)) > c.c.MaxBytes {
		if len(c.guards) > 0 {
			c.guards[0].skip()
		}
		return filter.Finding{Reasons: []string{"too large to be looked at"}}, nil
	}
	var all []error
	for i, address := range c.c.Addresses {
		var reply string
		err := c.guards[i].ask(ctx, func(ctx context.Context) (err error) {
			if reply, err = stream(ctx, address, m.Raw); err == nil {
				err = answered(reply)
			}
			return err
		})
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", address, err))
			continue
		}
		found := c.finding(reply)
		c.guards[i].found(&found)
		return found, nil
	}
	return filter.Finding{}, errors.Join(all...)
}

// answered refuses answers that say nothing of the message. That it is too large for
// clamd is an answer.
func answered(reply string) error {
	switch {
	case reply == "stream: OK", strings.HasPrefix(reply, "stream: ") && strings.HasSuffix(reply, " FOUND"), strings.Contains(reply, "size limit exceeded"):
		return nil
	}
	return fmt.Errorf("%w: %q", errProtocol, plain(reply, maxText))
}

// finding is what an answer means.
func (c *Clamd) finding(reply string) (f filter.Finding) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(reply, "stream: "), " FOUND")
	name = plain(name, 80)
	switch {
	case !ok && strings.Contains(reply, "size limit exceeded"):
		f.Reasons = []string{"too large for clamd"}
	case !ok:
	case strings.HasPrefix(name, "Heuristics.Limits.Exceeded"):
		f.Score, f.Reasons = limitsScore, []string{name}
	case c.c.Junk:
		f.Quarantine, f.Reasons = true, []string{name}
	default:
		f.Reasons = []string{name}
		f.Refusal = refusal(550, "5.7.1", "The message contains a virus: "+name)
	}
	return f
}

// stream sends a message and returns the answer. clamd may answer before it has
// read all of it, and then hangs up: the answer counts.
func stream(ctx context.Context, address string, raw []byte) (string, error) {
	conn, end, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer end()
	sent := send(conn, raw)
	reply, err := readReply(conn)
	if err != nil && sent != nil {
		err = sent
	}
	return reply, err
}

func send(conn net.Conn, raw []byte) error {
	w := bufio.NewWriterSize(conn, clamdChunk+16)
	w.WriteString("zINSTREAM\x00")
	var size [4]byte
	for len(raw) > 0 {
		n := min(len(raw), clamdChunk)
		binary.BigEndian.PutUint32(size[:], uint32(n))
		w.Write(size[:])
		if _, err := w.Write(raw[:n]); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		raw = raw[n:]
	}
	w.Write([]byte{0, 0, 0, 0})
	if err := w.Flush(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// readReply reads up to the zero byte that ends an answer.
func readReply(r io.Reader) (string, error) {
	b, err := bufio.NewReader(io.LimitReader(r, maxClamdReply)).ReadBytes(0)
	if len(b) > 0 && b[len(b)-1] == 0 {
		return string(bytes.TrimSpace(b[:len(b)-1])), nil
	}
	if err == io.EOF {
		err = fmt.Errorf("%w: it ends in the middle", errProtocol)
	}
	return "", fmt.Errorf("scan: %w", err)
}

// Version asks each clamd for its version and that of its signatures, for who looks
// whether all is well: an address and what it says, or the error.
func (c *Clamd) Version(ctx context.Context) (versions map[string]string, errs error) {
	versions = map[string]string{}
	for _, address := range c.c.Addresses {
		for _, command := range []string{"PING", "VERSION"} {
			reply, err := say(ctx, address, command)
			if err == nil && command == "PING" && reply != "PONG" {
				err = fmt.Errorf("%w: %q", errProtocol, plain(reply, maxText))
			}
			if err != nil {
				errs = errors.Join(errs, fmt.Errorf("%s: %w", address, err))
				break
			}
			if command == "VERSION" {
				versions[address] = plain(reply, maxText)
			}
		}
	}
	return versions, errs
}

func say(ctx context.Context, address, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	conn, end, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer end()
	if _, err := io.WriteString(conn, "z"+command+"\x00"); err != nil {
		return "", fmt.Errorf("scan: %w", err)
	}
	return readReply(conn)
}

// Stats returns the counters of all addresses together.
func (c *Clamd) Stats() (s Stats) {
	for _, g := range c.guards {
		one := g.Stats()
		s.Asked += one.Asked
		s.Skipped += one.Skipped
		s.Failed += one.Failed
		s.Down += one.Down
		s.Junk += one.Junk
		s.Refused += one.Refused
		s.Took += one.Took
	}
	return s
}

package relay

import (
	"bufio"
	"bytes"
	"io"

	"martlet/mail"
)

// found is what has to be known of a message before it is sent.
type found struct {
	header8 bool // bytes above 127 in its header
	body8   bool // and behind it
}

// inspect reads a message to its end.
func inspect(c mail.Content) (found, error) {
	var f found
	r := io.NewSectionReader(c, 0, c.Size())
	buf := make([]byte, 32<<10)
	var last [4]byte // of the header, to see where it ends
	inBody := false
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b >= 0x80 {
				if inBody {
					return found{f.header8, true}, nil
				}
				f.header8 = true
			}
			if !inBody {
				last = [4]byte{last[1], last[2], last[3], b}
				inBody = b == '\n' && (last[2] == '\n' || last[2] == '\r' && last[1] == '\n')
			}
		}
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return f, err
		}
	}
}

// dotWriter writes a message as DATA wants it (RFC 5321 4.5.2): lines end with
// CRLF whatever they ended with, so that no server reads an end of the message
// where there is none, and dots that begin a line are doubled.
type dotWriter struct {
	w    *bufio.Writer
	prev byte // 0: at the beginning of a line
	any  bool
}

func (d *dotWriter) Write(p []byte) (int, error) {
	for i := 0; i < len(p); {
		if d.prev == 0 && p[i] == '.' {
			d.w.WriteByte('.')
		}
		if d.prev == '\r' {
			d.w.WriteString("\r\n")
			d.prev = 0
			if p[i] == '\n' {
				i++
			}
			continue
		}
		n := bytes.IndexAny(p[i:], "\r\n")
		if n < 0 {
			n = len(p) - i
		}
		if n > 0 {
			if _, err := d.w.Write(p[i : i+n]); err != nil {
				return i, err
			}
			d.prev, d.any = 'x', true
			i += n
			continue
		}
		if d.any = true; p[i] == '\r' {
			d.prev = '\r'
		} else {
			d.w.WriteString("\r\n")
			d.prev = 0
		}
		i++
	}
	return len(p), nil
}

// end ends the last line and the message.
func (d *dotWriter) end() {
	if d.prev != 0 {
		d.w.WriteString("\r\n")
	}
	d.w.WriteString(".\r\n")
}

package scan

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// The protocol between Sendmail and its mail filters, version 6, as libmilter and
// Postfix speak it: packets of a length, a letter and data.

// Commands to a milter.
const (
	cmdNegotiate = 'O'
	cmdMacro     = 'D'
	cmdConnect   = 'C'
	cmdHelo      = 'H'
	cmdMail      = 'M'
	cmdRcpt      = 'R'
	cmdData      = 'T'
	cmdHeader    = 'L'
	cmdEndHeader = 'N'
	cmdBody      = 'B'
	cmdEnd       = 'E'
	cmdQuit      = 'Q'
)

// Answers of a milter: what is to become of the message, and what is to be changed
// in it.
const (
	actContinue   = 'c'
	actAccept     = 'a'
	actReject     = 'r'
	actTempFail   = 't'
	actDiscard    = 'd'
	actReply      = 'y'
	actSkip       = 's'
	actProgress   = 'p'
	actConnFail   = 'f'
	actShutdown   = '4'
	modAddRcpt    = '+'
	modAddRcptPar = '2'
	modDelRcpt    = '-'
	modBody       = 'b'
	modAddHeader  = 'h'
	modInsHeader  = 'i'
	modChgHeader  = 'm'
	modChgFrom    = 'e'
	modQuarantine = 'q'
)

// What a milter may do.
const (
	mayAddHeaders    = 1 << 0
	mayChangeBody    = 1 << 1
	mayAddRcpt       = 1 << 2
	mayDelRcpt       = 1 << 3
	mayChangeHeaders = 1 << 4
	mayQuarantine    = 1 << 5
	mayChangeFrom    = 1 << 6
	mayAddRcptPar    = 1 << 7
)

// What a milter does not want to see, or to answer.
const (
	noConnect      = 1 << 0
	noHelo         = 1 << 1
	noMail         = 1 << 2
	noRcpt         = 1 << 3
	noBody         = 1 << 4
	noHeader       = 1 << 5
	noEndHeader    = 1 << 6
	silentHeader   = 1 << 7
	noUnknown      = 1 << 8
	noData         = 1 << 9
	maySkip        = 1 << 10
	silentConnect  = 1 << 12
	silentHelo     = 1 << 13
	silentMail     = 1 << 14
	silentRcpt     = 1 << 15
	silentData     = 1 << 16
	silentEnd      = 1 << 18 // of the header
	silentBody     = 1 << 19
	leadingBlank   = 1 << 20
	allSteps       = noConnect | noHelo | noMail | noRcpt | noBody | noHeader | noEndHeader | silentHeader | noUnknown | noData | maySkip | silentConnect | silentHelo | silentMail | silentRcpt | silentData | silentEnd | silentBody | leadingBlank
	milterVersion  = 6
	oldestVersion  = 2
	maxMilterChunk = 65535 // of a body, in bytes
)

const (
	// maxPacket bounds a packet of a milter, in bytes: more than libmilter sends.
	maxPacket = 1<<20 + 1
	// maxProgress is how often a milter may say that it is still at work.
	maxProgress = 1000
)

// packets are the two directions of a connection to a milter.
type packets struct {
	r *bufio.Reader
	w *bufio.Writer
}

func newPackets(conn net.Conn) *packets {
	return &packets{bufio.NewReaderSize(conn, 4096), bufio.NewWriterSize(conn, 8192)}
}

// write sends a packet at the next flush.
func (p *packets) write(command byte, data ...[]byte) error {
	size := 1
	for _, d := range data {
		size += len(d)
	}
	var head [5]byte
	binary.BigEndian.PutUint32(head[:], uint32(size))
	head[4] = command
	_, err := p.w.Write(head[:])
	for _, d := range data {
		if err == nil {
			_, err = p.w.Write(d)
		}
	}
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// read returns the next packet but those that only say that the milter is at work.
func (p *packets) read() (code byte, data []byte, err error) {
	if err := p.w.Flush(); err != nil {
		return 0, nil, fmt.Errorf("scan: %w", err)
	}
	for range maxProgress {
		var head [5]byte
		if _, err := io.ReadFull(p.r, head[:]); err != nil {
			return 0, nil, fmt.Errorf("scan: %w", err)
		}
		size := binary.BigEndian.Uint32(head[:])
		if size == 0 || size > maxPacket {
			return 0, nil, fmt.Errorf("%w: a packet of %d bytes", errProtocol, size)
		}
		data = make([]byte, size-1)
		if _, err := io.ReadFull(p.r, data); err != nil {
			return 0, nil, fmt.Errorf("scan: %w", err)
		}
		if head[4] != actProgress {
			return head[4], data, nil
		}
	}
	return 0, nil, fmt.Errorf("%w: it is at work for ever", errProtocol)
}

// zero appends texts with the zero byte that ends each.
func zero(texts ...string) []byte {
	var b []byte
	for _, t := range texts {
		for _, c := range []byte(t) {
			if c != 0 {
				b = append(b, c)
			}
		}
		b = append(b, 0)
	}
	return b
}

// cutZero returns the text before a zero byte, and what is behind that.
func cutZero(b []byte) (text string, rest []byte, ok bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return string(b), nil, false
}

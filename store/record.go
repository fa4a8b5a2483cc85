package store

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrBadRecord is returned for a value that is not a record.
var ErrBadRecord = errors.New("store: malformed record")

// Encoder writes a record: numbered fields in the wire format of protocol
// buffers, so that a later version can add fields and an older one skips them.
// Zero values are left out; a field number is never reused.
type Encoder struct{ dst []byte }

// NewEncoder returns an encoder that appends to dst.
func NewEncoder(dst []byte) *Encoder { return &Encoder{dst: dst} }

// Out returns dst with the record behind it.
func (e *Encoder) Out() []byte { return e.dst }

// Uint writes an unsigned number.
func (e *Encoder) Uint(field int, v uint64) {
	if v == 0 {
		return
	}
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.VarintType)
	e.dst = protowire.AppendVarint(e.dst, v)
}

// Int writes a signed number, small ones in few bytes whatever their sign.
func (e *Encoder) Int(field int, v int64) { e.Uint(field, protowire.EncodeZigZag(v)) }

// Bool writes a truth value.
func (e *Encoder) Bool(field int, v bool) { e.Uint(field, protowire.EncodeBool(v)) }

// Float writes a floating-point number.
func (e *Encoder) Float(field int, v float64) {
	bits := math.Float64bits(v)
	if bits == 0 {
		return
	}
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.Fixed64Type)
	e.dst = protowire.AppendFixed64(e.dst, bits)
}

// Time writes a point in time in milliseconds; the zero time is left out.
func (e *Encoder) Time(field int, t time.Time) {
	if t.IsZero() {
		return
	}
	// One is added so that the epoch itself is not mistaken for no time.
	e.Uint(field, protowire.EncodeZigZag(t.UnixMilli())+1)
}

// String writes text.
func (e *Encoder) String(field int, s string) {
	if s == "" {
		return
	}
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.BytesType)
	e.dst = protowire.AppendString(e.dst, s)
}

// Bytes writes bytes.
func (e *Encoder) Bytes(field int, b []byte) {
	if len(b) == 0 {
		return
	}
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.BytesType)
	e.dst = protowire.AppendBytes(e.dst, b)
}

// Message writes what fn encodes as a record within the record. Unlike the
// others it writes an empty one too, so that a list keeps its length.
func (e *Encoder) Message(field int, fn func(*Encoder)) {
	inner := Encoder{}
	fn(&inner)
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.BytesType)
	e.dst = protowire.AppendBytes(e.dst, inner.dst)
}

// Element writes one string of a list, an empty one too.
func (e *Encoder) Element(field int, s string) {
	e.dst = protowire.AppendTag(e.dst, protowire.Number(field), protowire.BytesType)
	e.dst = protowire.AppendString(e.dst, s)
}

// Field is one field of a record. Its accessors never fail: a field of another
// kind reads as zero.
type Field struct {
	Number int
	num    uint64
	data   []byte
}

// Uint returns an unsigned number.
func (f Field) Uint() uint64 { return f.num }

// Int returns a signed number.
func (f Field) Int() int64 { return protowire.DecodeZigZag(f.num) }

// Bool returns a truth value.
func (f Field) Bool() bool { return f.num != 0 }

// Float returns a floating-point number.
func (f Field) Float() float64 { return math.Float64frombits(f.num) }

// Bytes returns the bytes of a Bytes, String or Message field. They belong to
// the record: copy them to keep them.
func (f Field) Bytes() []byte { return f.data }

// String returns text.
func (f Field) String() string { return string(f.data) }

// Time returns a point in time in UTC, or the zero time.
func (f Field) Time() time.Time {
	if f.num == 0 {
		return time.Time{}
	}
	return time.UnixMilli(protowire.DecodeZigZag(f.num - 1)).UTC()
}

// DecodeFields calls fn for each field in the order they were written, and
// stops at fn's first error. fn ignores the numbers it does not know.
func DecodeFields(b []byte, fn func(f Field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrBadRecord, protowire.ParseError(n))
		}
		b = b[n:]
		f := Field{Number: int(num)}
		switch typ {
		case protowire.VarintType:
			f.num, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.num, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.num = uint64(v)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(b)
		default: // groups are never written
			return fmt.Errorf("%w: wire type %d", ErrBadRecord, typ)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrBadRecord, protowire.ParseError(n))
		}
		b = b[n:]
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// NoValue is the codec of the value of a row that is all key: a record without
// fields, which may get some.
func NoValue() Codec[struct{}] {
	return Codec[struct{}]{
		Append: func(dst []byte, _ struct{}) []byte { return dst },
		Parse: func(b []byte) (struct{}, error) {
			return struct{}{}, DecodeFields(b, func(Field) error { return nil })
		},
	}
}

// TimeValue is the codec of a value that is a point in time: a record of one
// field, so that more can join it.
func TimeValue() Codec[time.Time] {
	return Codec[time.Time]{
		Append: func(dst []byte, t time.Time) []byte {
			e := NewEncoder(dst)
			e.Time(1, t)
			return e.Out()
		},
		Parse: func(b []byte) (t time.Time, err error) {
			err = DecodeFields(b, func(f Field) error {
				if f.Number == 1 {
					t = f.Time()
				}
				return nil
			})
			return t, err
		},
	}
}
